using System;
using System.Runtime.InteropServices;

namespace Hawser {
  /// <summary>What ApiPINVOKE, which SWIG makes, has not: see common/csharp.i.</summary>
  static class Native {
    private const string Library = "hawser_csharp";

    /// <summary>Of this thread's last failed call; 0: none since it was asked last.</summary>
    [DllImport(Library, EntryPoint = "hawser_csharp_failure_code")]
    internal static extern int TakeFailureCode();

    [DllImport(Library, EntryPoint = "hawser_csharp_failure_words")]
    internal static extern IntPtr FailureWords();

    [DllImport(Library, EntryPoint = "hawser_csharp_free")]
    internal static extern void Free(IntPtr memory);

    [DllImport(Library, EntryPoint = "hawser_csharp_close_manager")]
    internal static extern void CloseManager(ManagerHandle manager);

    [DllImport(Library, EntryPoint = "hawser_csharp_release_manager")]
    internal static extern void ReleaseManager(IntPtr manager);

    [DllImport(Library, EntryPoint = "hawser_csharp_release_options")]
    internal static extern void ReleaseOptions(IntPtr options);
  }

  /// <summary>A payload on its way: the memory is pinned until the call returns.</summary>
  [StructLayout(LayoutKind.Sequential)]
  unsafe struct Payload {
    private readonly byte* data;
    private readonly UIntPtr size;

    internal Payload(byte* data, int size) {
      this.data = data;
      this.size = (UIntPtr)size;
    }
  }

  /// <summary>Is released by Dispose or by the collector, but never while a call has it: P/Invoke counts them.</summary>
  abstract class Handle : SafeHandle {
    protected Handle(IntPtr handle) : base(IntPtr.Zero, true) {
      SetHandle(handle);
    }

    public override bool IsInvalid {
      get { return handle == IntPtr.Zero; }
    }
  }

  sealed class ManagerHandle : Handle {
    internal ManagerHandle(IntPtr manager) : base(HawserException.CheckMemory(manager)) {}

    protected override bool ReleaseHandle() {
      Native.ReleaseManager(handle);
      return true;
    }
  }

  sealed class OptionsHandle : Handle {
    internal static readonly OptionsHandle None = new OptionsHandle();

    private OptionsHandle() : base(IntPtr.Zero) {}

    internal OptionsHandle(IntPtr options) : base(HawserException.CheckMemory(options)) {}

    protected override bool ReleaseHandle() {
      Native.ReleaseOptions(handle);
      return true;
    }
  }
}
