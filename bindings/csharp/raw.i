// The raw layer of the namespace Hawser: the classes Api (functions and constants), Manager and Options.
%module Api
%include "common/csharp.i"

// C#'s spelling, but for the constants, which have hawser.h's.
%rename("%(camelcase)s", %$isfunction, %$ismember) "";
%rename(Version) hws_version;
%rename(ErrorName) hws_error_name;
%rename(ErrorText) hws_error_text;
%rename(OptionCount) hws_option_count;
%rename(OptionName) hws_option_name;
%rename(OptionKind) hws_option_kind;
%rename(OptionDefault) hws_option_default;
%rename(OptionMin) hws_option_min;
%rename(OptionMax) hws_option_max;
%rename(OptionText) hws_option_text;
%rename(StatCount) hws_stat_count;
%rename(StatName) hws_stat_name;
%rename(StatText) hws_stat_text;

%pragma(csharp) moduleclassmodifiers = "public static class"
%pragma(csharp) imclassclassmodifiers = "static class"

%define HAWSER_BODY(CLASS)
%typemap(csimports) struct CLASS "using System;\nusing System.Runtime.InteropServices;\nusing System.Threading;\n"
%typemap(csclassmodifiers) struct CLASS "public sealed unsafe class"
%typemap(csbody) struct CLASS %{
  private readonly CLASS##Handle swigCPtr;
%}
%typemap(csconstruct) struct CLASS %{ {
    swigCPtr = new CLASS##Handle($imcall);
  }
%}
%typemap(csinterfaces) struct CLASS "IDisposable"
%typemap(csdispose) struct CLASS ""
%typemap(csdisposing, methodname="Dispose", methodmodifiers="public", parameters="") struct CLASS ""
%warnfilter(SWIGWARN_CSHARP_EXCODE) CLASS::CLASS;  // CLASS##Handle throws when there is no memory
%enddef
HAWSER_BODY(Options)
HAWSER_BODY(Manager)

// What the shared description can't say: what may be left out, and this language's own types.
%typemap(csin, pre="    Remember(name, value);") int64_t value "$csinput"
%typemap(cscode) struct Options %{
  private bool hasParts, hasRequests;

  internal static OptionsHandle HandleOf(Options options) {
    return options == null ? OptionsHandle.None : options.swigCPtr;
  }

  private void Remember(string name, long value) {
    if (name == "parts") hasParts = value != 0;
    if (name == "requests") hasRequests = value != 0;
  }

  /// <summary>For the layer that tells whole messages, and no requests.</summary>
  internal static void RefuseRaw(Options options) {
    if (options != null && (options.hasParts || options.hasRequests))
      throw new HawserException(Api.ERR_OPTION, "parts and requests are for the raw layer: see Manager");
  }

  /// <summary>SetInt and SetText in a row: <c>new Options().Set("deflate", "shared").Set("max_message_size",
  /// 1000)</c>.</summary>
  public Options Set(string name, long value) {
    SetInt(name, value);
    return this;
  }

  /// <summary>A flag.</summary>
  public Options Set(string name, bool value) {
    return Set(name, value ? 1 : 0);
  }

  public Options Set(string name, string value) {
    SetText(name, value);
    return this;
  }

  /// <summary>Frees it. Managers, listeners and connections that used it are not touched. What is not disposed of is
  /// freed when the collector finds it.</summary>
  public void Dispose() {
    swigCPtr.Dispose();
  }
%}

%typemap(cscode) struct Manager %{
  private int isDisposed;

  /// <summary>A manager with the library's defaults.</summary>
  public Manager() : this(null) {}

  /// <summary>Ends every connection and listener, without events and without Close frames. Any thread, at any time:
  /// calls of other threads end first, and a poll that waits is woken. From then on all calls throw
  /// ObjectDisposedException. What is not disposed of is when the collector finds it.</summary>
  public void Dispose() {
    if (Interlocked.Exchange(ref isDisposed, 1) != 0) return;
    Native.CloseManager(swigCPtr);
    swigCPtr.Dispose();
  }

  /// <summary>Listens with the manager's options.</summary>
  public long Listen(string url) {
    return Listen(url, null);
  }

  /// <summary>Connects with the manager's options.</summary>
  public long Connect(string url) {
    return Connect(url, null);
  }

  /// <summary>Sends a text. A surrogate without its pair is ERR_UTF8.</summary>
  public void Send(long connection, string text) {
    Send(connection, Api.TEXT, Text.Utf8(text));
  }

  /// <summary>Broadcasts a text.</summary>
  public long Broadcast(long listener, long except, string text) {
    return Broadcast(listener, except, Api.TEXT, Text.Utf8(text));
  }

  /// <summary>Closes without a reason.</summary>
  public void Close(long id, int code) {
    Close(id, code, null);
  }

  /// <summary>Accepts with no subprotocol and no headers.</summary>
  public void Accept(long connection) {
    Accept(connection, null, null);
  }

  /// <summary>The first field of this name.</summary>
  public string Header(long connection, string name) {
    return Header(connection, name, 0);
  }
%}

%include "common/hawser.i"
