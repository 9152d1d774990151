using System;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;
using Hawser;

/// <summary>What the tests are written with.</summary>
static class Check {
  internal static void That(bool holds, string what) {
    if (!holds) throw new Exception(what);
  }

  internal static void Equal<T>(T expected, T found) {
    if (!Equals(expected, found)) throw new Exception($"expected {expected}, found {found}");
  }

  internal static void EqualBytes(byte[] expected, byte[] found) {
    That(expected.SequenceEqual(found), $"{found.Length} bytes that are not the {expected.Length} expected ones");
  }

  internal static E Throws<E>(Action call) where E : Exception {
    try {
      call();
    } catch (E e) {
      return e;
    }
    throw new Exception("nothing was thrown, where " + typeof(E) + " was expected");
  }

  internal static async Task<E> ThrowsAsync<E>(Task task) where E : Exception {
    try {
      await task;
    } catch (E e) {
      return e;
    }
    throw new Exception("nothing was thrown, where " + typeof(E) + " was expected");
  }

  /// <summary>The call fails with this code.</summary>
  internal static HawserException Fails(int code, Action call) {
    HawserException error = Throws<HawserException>(call);
    Equal(code, error.Code);
    return error;
  }

  internal static async Task<HawserException> FailsAsync(int code, Task task) {
    HawserException error = await ThrowsAsync<HawserException>(task);
    Equal(code, error.Code);
    return error;
  }

  /// <summary>Runs all that have no arguments and are called Test...; returns the process's exit status.</summary>
  internal static int RunAll(Type tests) {
    int failed = 0;
    MethodInfo[] methods = tests.GetMethods(BindingFlags.Static | BindingFlags.NonPublic);
    foreach (MethodInfo test in methods.OrderBy(method => method.Name)) {
      if (!test.Name.StartsWith("Test", StringComparison.Ordinal)) continue;
      string outcome = "passed";
      try {
        (test.Invoke(null, null) as Task)?.GetAwaiter().GetResult();
      } catch (Exception e) {
        outcome = "FAILED";
        failed++;
        Console.WriteLine((e as TargetInvocationException)?.InnerException ?? e);
      }
      Console.WriteLine(outcome + ": " + test.Name);
    }
    return failed == 0 ? 0 : 1;
  }
}
