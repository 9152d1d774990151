// Java: byte[] in and out, String for text. Every call may come from every thread: what hawser.h leaves to one thread at a
// time fails with HWS_ERR_BUSY while another is at it, and what is closed is only freed when all have left.

%include "handles.i"
%include "concurrent.i"

%javaconst(1);

%{
#include <string.h>

// ---- errors -----------------------------------------------------------------------------------------------------------

static jbyteArray hawser_bytes(JNIEnv *jenv, const void *data, size_t size) {
  jbyteArray bytes = (*jenv)->NewByteArray(jenv, (jsize)size);
  if (bytes) (*jenv)->SetByteArrayRegion(jenv, bytes, 0, (jsize)size, (const jbyte *)data);
  return bytes;
}

// JNI's own strings are "modified UTF-8", which is another code: text travels as bytes of real UTF-8.
static jbyteArray hawser_text(JNIEnv *jenv, const char *text) {
  return text ? hawser_bytes(jenv, text, strlen(text)) : NULL;
}

static void hawser_throw(JNIEnv *jenv, int64_t code, const char *words) {
  jclass error = (*jenv)->FindClass(jenv, "org/hawser/HawserException");
  jmethodID make = error ? (*jenv)->GetMethodID(jenv, error, "<init>", "(I[B)V") : NULL;
  jbyteArray bytes = make ? hawser_text(jenv, words) : NULL;
  jobject exception = bytes ? (*jenv)->NewObject(jenv, error, make, (jint)code, bytes) : NULL;
  if (exception) (*jenv)->Throw(jenv, (jthrowable)exception);
}

// 1: the manager stays as it is until hawser_leave, even if another thread closes it. 0: an exception is pending.
static int hawser_may_enter(JNIEnv *jenv, Manager *manager, int any_thread) {
  hws_result code = hawser_enter(manager, any_thread);
  if (code < 0) hawser_throw(jenv, code, code == HWS_ERR_ARGUMENT ? "the manager is closed" : hws_error_text(code));
  return code == HWS_OK;
}

// ---- arguments --------------------------------------------------------------------------------------------------------

enum { HAWSER_SMALL = 4096 };

// A copy, so that the collector need not wait for a send: in `small`, or to be freed. 0: an exception is pending.
static int hawser_take_payload(JNIEnv *jenv, jbyteArray bytes, unsigned char *small, void **data, size_t *size) {
  if (!bytes) {
    hawser_throw(jenv, HWS_ERR_ARGUMENT, "the payload is null");
    return 0;
  }
  jsize length = (*jenv)->GetArrayLength(jenv, bytes);
  *data = length > HAWSER_SMALL ? malloc((size_t)length) : small;
  *size = (size_t)length;
  if (!*data) {
    hawser_throw(jenv, HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
    return 0;
  }
  (*jenv)->GetByteArrayRegion(jenv, bytes, 0, length, (jbyte *)*data);
  return 1;
}

// To be freed. Java has seen to it that it is UTF-8 without NUL.
static int hawser_take_text(JNIEnv *jenv, jbyteArray bytes, char **text) {
  if (!bytes) return 1;
  jsize length = (*jenv)->GetArrayLength(jenv, bytes);
  *text = (char *)malloc((size_t)length + 1);
  if (!*text) {
    hawser_throw(jenv, HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
    return 0;
  }
  (*jenv)->GetByteArrayRegion(jenv, bytes, 0, length, (jbyte *)*text);
  (*text)[length] = 0;
  return 1;
}

// ---- events -----------------------------------------------------------------------------------------------------------

// The batch as packed records, which Event.list reads; NULL: none. It crosses the border once.
static jbyteArray hawser_batch(JNIEnv *jenv, Batch batch) {
  int64_t size = hawser_batch_size(batch);
  if (size == 0) return NULL;
  if (size > INT32_MAX) {
    hawser_throw(jenv, HWS_ERR_TOO_LARGE, "events of over 2 GiB do not fit into an array");
    return NULL;
  }
  jbyteArray bytes = (*jenv)->NewByteArray(jenv, (jsize)size);
  void *data = bytes ? (*jenv)->GetPrimitiveArrayCritical(jenv, bytes, NULL) : NULL;
  if (!data) return NULL;
  hws_manager_pack_events(batch.manager, data, (size_t)size);
  (*jenv)->ReleasePrimitiveArrayCritical(jenv, bytes, data, 0);
  return bytes;
}
%}

// Before all other arguments: nothing is to be released when it fails.
%typemap(in) struct Manager *self {
  $1 = (Manager *)(intptr_t)$input;
  if (!hawser_may_enter(jenv, $1, hawser_is_for_any_thread("$symname"))) return $null;
}
// After the result was copied.
%typemap(freearg) struct Manager *self "hawser_leave($1, hawser_is_for_any_thread(\"$symname\"));"

%typemap(jni) (const void *DATA, size_t SIZE) "jbyteArray"
%typemap(jtype) (const void *DATA, size_t SIZE) "byte[]"
%typemap(jstype) (const void *DATA, size_t SIZE) "byte[]"
%typemap(javain) (const void *DATA, size_t SIZE) "$javainput"
%typemap(in) (const void *DATA, size_t SIZE) (unsigned char small[HAWSER_SMALL]) {
  if (!hawser_take_payload(jenv, $input, small, (void **)&$1, &$2)) { $cleanup return $null; }
}
%typemap(freearg) (const void *DATA, size_t SIZE) "if ((unsigned char *)$1 != small$argnum) free((void *)$1);"

%typemap(jni) const char * "jbyteArray"
%typemap(jtype) const char * "byte[]"
%typemap(jstype) const char * "String"
%typemap(javain) const char * "Text.argument($javainput)"
%typemap(javaout) const char * { return Text.of($jnicall); }
%typemap(in) const char * { if (!hawser_take_text(jenv, $input, (char **)&$1)) { $cleanup return $null; } }
%typemap(freearg) const char * "free((void *)$1);"
%typemap(out) const char * "$result = hawser_text(jenv, $1);"

// Options belong to one thread at a time: their monitor sees to it.
%typemap(in) struct Options *self, Options *options, Options *headers {
  $1 = (Options *)(intptr_t)$input;
  if ($input_) (*jenv)->MonitorEnter(jenv, $input_);
}
%typemap(freearg) struct Options *self, Options *options, Options *headers "if ($1) (*jenv)->MonitorExit(jenv, $input_);"

%typemap(jni) int32_t final "jboolean"
%typemap(jtype) int32_t final "boolean"
%typemap(jstype) int32_t final "boolean"
%typemap(in) int32_t final "$1 = $input;"

%typemap(jni) Result, Wordless "void"
%typemap(jtype) Result, Wordless "void"
%typemap(jstype) Result, Wordless "void"
%typemap(javaout) Result, Wordless { $jnicall; }
%typemap(out) Result "if ($1 < 0) hawser_throw(jenv, $1, hawser_words(arg1, $1));"
%typemap(out) Wordless "if ($1 < 0) hawser_throw(jenv, $1, hws_error_text($1));"

%typemap(jni) Count "jlong"
%typemap(jtype) Count "long"
%typemap(jstype) Count "long"
%typemap(javaout) Count { return $jnicall; }
%typemap(out) Count "$result = $1; if ($1 < 0) hawser_throw(jenv, $1, hawser_words(arg1, $1));"

%typemap(jni) Batch "jbyteArray"
%typemap(jtype) Batch "byte[]"
%typemap(jstype) Batch "java.util.List<Event>"
%typemap(javaout) Batch { return Event.list($jnicall); }
%typemap(out) Batch {
  if ($1.count < 0) hawser_throw(jenv, $1.count, hawser_words(arg1, $1.count));
  else $result = hawser_batch(jenv, $1);
}

%define HAWSER_NEEDS_MEMORY
  $action
  if (!result) {
    hawser_throw(jenv, HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
    $cleanup
    return $null;
  }
%enddef
%exception Manager::Manager { HAWSER_NEEDS_MEMORY }
%exception Options::Options { HAWSER_NEEDS_MEMORY }

// Java frees by its Cleaner: when nothing refers to an object any more, no call is inside it.
%ignore Manager::free;
%ignore Manager::~Manager;
%ignore Options::~Options;
%wrapper %{
JNIEXPORT void JNICALL Java_org_hawser_HawserJNI_closeManager(JNIEnv *jenv, jclass jcls, jlong manager) {
  (void)jenv;
  (void)jcls;
  hawser_close((Manager *)(intptr_t)manager);
}
JNIEXPORT void JNICALL Java_org_hawser_HawserJNI_releaseManager(JNIEnv *jenv, jclass jcls, jlong manager) {
  Java_org_hawser_HawserJNI_closeManager(jenv, jcls, manager);
  free((Manager *)(intptr_t)manager);
}
JNIEXPORT void JNICALL Java_org_hawser_HawserJNI_releaseOptions(JNIEnv *jenv, jclass jcls, jlong options) {
  (void)jenv;
  (void)jcls;
  hws_options_free(((Options *)(intptr_t)options)->handle);
  free((Options *)(intptr_t)options);
}
%}
