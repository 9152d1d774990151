// The raw layer of the package org.hawser: the classes Hawser (functions and constants), Manager and Options.
%module Hawser
%include "common/java.i"

// Java's spelling.
%rename("%(lowercamelcase)s", %$isfunction, %$ismember) "";
%rename(errorName) hws_error_name;
%rename(errorText) hws_error_text;
%rename(optionCount) hws_option_count;
%rename(optionName) hws_option_name;
%rename(optionKind) hws_option_kind;
%rename(optionDefault) hws_option_default;
%rename(optionMin) hws_option_min;
%rename(optionMax) hws_option_max;
%rename(optionText) hws_option_text;
%rename(statCount) hws_stat_count;
%rename(statName) hws_stat_name;
%rename(statText) hws_stat_text;

%pragma(java) moduleclassmodifiers = "public final class"
%pragma(java) modulecode = %{
  private Hawser() {}
%}
%pragma(java) jniclassclassmodifiers = "final class"
%pragma(java) jniclasscode = %{
  static {
    Natives.load();
  }

  static native void closeManager(long manager);
  static native void releaseManager(long manager);
  static native void releaseOptions(long options);
%}

%define HAWSER_BODY(CLASS)
%typemap(javaclassmodifiers) struct CLASS "public final class"
%typemap(javafinalize) struct CLASS ""
%typemap(javadestruct, methodname="delete", methodmodifiers="private", parameters="") struct CLASS ""
%typemap(javabody) struct CLASS %{
  private final long swigCPtr;

  private $javaclassname(long pointer, boolean isOurs) {
    swigCPtr = pointer;
    Natives.CLEANER.register(this, () -> HawserJNI.release$javaclassname(pointer));
  }

  static long getCPtr($javaclassname object) {
    return object == null ? 0 : object.swigCPtr;
  }
%}
%enddef
HAWSER_BODY(Options)
HAWSER_BODY(Manager)

// What the shared description can't say: what may be left out, and this language's own types.
%typemap(javain, pre="    remember(name, value);") int64_t value "$javainput"
%typemap(javacode) struct Options %{
  private volatile boolean hasParts, hasRequests;

  private void remember(String name, long value) {
    if ("parts".equals(name)) hasParts = value != 0;
    if ("requests".equals(name)) hasRequests = value != 0;
  }

  /** For the layer whose listeners are told whole messages, and no requests. */
  static void refuseRaw(Options options) {
    if (options != null && (options.hasParts || options.hasRequests))
      throw new HawserException(Hawser.ERR_OPTION, "parts and requests are for the raw layer: see Manager");
  }

  /** {@link #setInt} and {@link #setText} in a row: new Options().set("deflate", "shared").set("max_message_size", 1000). */
  public Options set(String name, long value) {
    setInt(name, value);
    return this;
  }

  public Options set(String name, String value) {
    setText(name, value);
    return this;
  }
%}

%typemap(javainterfaces) struct Manager "AutoCloseable"
%typemap(javacode) struct Manager %{
  /** A manager with the library's defaults. */
  public Manager() {
    this(null);
  }

  /**
   * Ends every connection and listener, without events and without Close frames. Any thread, at any time: calls of other
   * threads end first, and a poll that waits is woken. From then on all calls fail with ERR_ARGUMENT; to close again does
   * nothing. What is not closed is when the collector finds it.
   */
  @Override
  public void close() {
    HawserJNI.closeManager(swigCPtr);
    java.lang.ref.Reference.reachabilityFence(this);
  }

  /** {@link #listen(String, Options)} with the manager's options. */
  public long listen(String url) {
    return listen(url, null);
  }

  /** {@link #connect(String, Options)} with the manager's options. */
  public long connect(String url) {
    return connect(url, null);
  }

  /** {@link #send(long, int, byte[])} of a text. A surrogate without its pair is ERR_UTF8. */
  public void send(long connection, String text) {
    send(connection, Hawser.TEXT, Text.utf8(text));
  }

  /** {@link #broadcast(long, long, int, byte[])} of a text. */
  public long broadcast(long listener, long except, String text) {
    return broadcast(listener, except, Hawser.TEXT, Text.utf8(text));
  }

  /** {@link #close(long, int, String)} without a reason. */
  public void close(long id, int code) {
    close(id, code, null);
  }

  /** {@link #accept(long, String, Options)} with no subprotocol and no headers. */
  public void accept(long connection) {
    accept(connection, null, null);
  }

  /** {@link #header(long, String, int)}: the first one. */
  public String header(long connection, String name) {
    return header(connection, name, 0);
  }
%}

%include "common/hawser.i"
