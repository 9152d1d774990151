using System;
using System.Threading;
using System.Threading.Tasks;

namespace Hawser {
  static class Waits {
    /// <summary>Completed by a loop's thread, which runs no code of those who wait.</summary>
    internal static TaskCompletionSource<T> NewSource<T>() {
      return new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>The same, but whoever waits gives up when the token is cancelled; the task goes on.</summary>
    internal static async Task OrCancelled(this Task task, CancellationToken token) {
      if (token.CanBeCanceled && !task.IsCompleted) {
        TaskCompletionSource<bool> cancelled = NewSource<bool>();
        using (token.Register(() => cancelled.TrySetResult(true)))
          await Task.WhenAny(task, cancelled.Task).ConfigureAwait(false);
        if (!task.IsCompleted) throw new OperationCanceledException(token);
      }
      await task.ConfigureAwait(false);
    }
  }
}
