import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Objects;
import org.hawser.HawserException;

/** What the tests are written with. */
final class Check {
  interface Call {
    void run() throws Exception;
  }

  private Check() {}

  static void that(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }

  static void equal(Object expected, Object found) {
    if (!Objects.equals(expected, found)) throw new AssertionError("expected " + expected + ", found " + found);
  }

  static void equalBytes(byte[] expected, byte[] found) {
    if (!Arrays.equals(expected, found))
      throw new AssertionError(found.length + " bytes that are not the " + expected.length + " expected ones");
  }

  /** The call fails with this code: returns what it throws. */
  static HawserException fails(int code, Runnable call) {
    try {
      call.run();
    } catch (HawserException e) {
      equal(code, e.code());
      return e;
    }
    throw new AssertionError("nothing was thrown, where code " + code + " was expected");
  }

  static <T extends Throwable> T throwsA(Class<T> what, Call call) {
    try {
      call.run();
    } catch (Throwable e) {
      if (what.isInstance(e)) return what.cast(e);
      throw new AssertionError("another exception than " + what, e);
    }
    throw new AssertionError("nothing was thrown, where " + what + " was expected");
  }

  /** Runs all that have no arguments and are called test..., and ends the process. */
  static void runAll(Class<?> tests) throws Exception {
    int failed = 0;
    Method[] methods = tests.getDeclaredMethods();
    Arrays.sort(methods, Comparator.comparing(Method::getName));
    for (Method method : methods) {
      if (!method.getName().startsWith("test")) continue;
      String outcome = "passed";
      try {
        method.invoke(null);
      } catch (InvocationTargetException e) {
        outcome = "FAILED";
        failed++;
        e.getCause().printStackTrace();
      }
      System.out.println(outcome + ": " + method.getName());
    }
    System.exit(failed == 0 ? 0 : 1);
  }
}
