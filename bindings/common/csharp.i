// C#: results come back as numbers or pointers, and C# throws: no callback runs while C is on the stack. Text travels as bytes
// of UTF-8, since P/Invoke's own strings are of another code on each system. Calls may come from every thread: see concurrent.i.

%include "handles.i"
%include "concurrent.i"

%csconst(1);

%{
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- errors -----------------------------------------------------------------------------------------------------------

// The last failed call of this thread, which C# asks for next.
static __thread struct {
  int32_t code;
  char words[1024];
} hawser_failure;

static void hawser_fail(int64_t code, const char *words) {
  hawser_failure.code = (int32_t)code;
  snprintf(hawser_failure.words, sizeof hawser_failure.words, "%s", words);
}

enum { HAWSER_DISPOSED = INT32_MIN };  // C# has an exception of its own for this

// 1: the manager stays as it is until hawser_leave, even if another thread closes it.
static int hawser_may_enter(Manager *manager, int any_thread) {
  hws_result code = hawser_enter(manager, any_thread);
  if (code < 0) hawser_fail(code == HWS_ERR_ARGUMENT ? HAWSER_DISPOSED : code, hws_error_text(code));
  return code == HWS_OK;
}

// ---- arguments --------------------------------------------------------------------------------------------------------

// A pinned array or span of C#.
typedef struct Payload {
  void *data;
  size_t size;
} Payload;

// Options belong to one thread at a time, and no call that takes them waits for anything.
static pthread_mutex_t hawser_options_mutex = PTHREAD_MUTEX_INITIALIZER;

// ---- results ----------------------------------------------------------------------------------------------------------

// C#'s to free. The library's own may change as soon as the manager is left.
static char *hawser_copy(const char *text) {
  char *copy = text ? strdup(text) : NULL;
  if (text && !copy) hawser_fail(HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
  return copy;
}

// The batch as packed records, behind their size, for Event.Take. NULL: none, or a failure. It crosses the border once.
static int64_t *hawser_batch(Batch batch) {
  int64_t size = hawser_batch_size(batch);
  if (size == 0) return NULL;
  int64_t *records = (int64_t *)malloc(sizeof *records + (size_t)size);
  int64_t packed = records ? hws_manager_pack_events(batch.manager, records + 1, (size_t)size) : HWS_ERR_NO_MEMORY;
  if (packed >= 0) {
    *records = packed;
    return records;
  }
  free(records);
  hawser_fail(packed, hws_error_text((hws_result)packed));
  return NULL;
}
%}

// Before all other arguments: nothing is to be released when it fails. A SafeHandle is never released while a call has it.
%typemap(ctype) struct Manager *self "Manager *"
%typemap(imtype) struct Manager *self "ManagerHandle"
%typemap(in) struct Manager *self {
  $1 = $input;
  if (!hawser_may_enter($1, hawser_is_for_any_thread("$symname"))) return $null;
}
// After the result was copied.
%typemap(freearg) struct Manager *self "hawser_leave($1, hawser_is_for_any_thread(\"$symname\"));"

%typemap(ctype) struct Options *self, Options *options, Options *headers "Options *"
%typemap(imtype) struct Options *self, Options *options, Options *headers "OptionsHandle"
%typemap(csin) Options *options, Options *headers "Options.HandleOf($csinput)"
%typemap(in) struct Options *self, Options *options, Options *headers {
  $1 = $input;
  pthread_mutex_lock(&hawser_options_mutex);
}
%typemap(freearg) struct Options *self, Options *options, Options *headers "pthread_mutex_unlock(&hawser_options_mutex);"

%typemap(ctype) (const void *DATA, size_t SIZE) "Payload *"
%typemap(imtype) (const void *DATA, size_t SIZE) "ref Payload"
%typemap(cstype) (const void *DATA, size_t SIZE) "ReadOnlySpan<byte>"
%typemap(csin, pre="    fixed (byte* pinned = &MemoryMarshal.GetReference($csinput)) {\n"
                   "      Payload payload = new Payload(pinned, $csinput.Length);", terminator="    }")
    (const void *DATA, size_t SIZE) "ref payload"
%typemap(in) (const void *DATA, size_t SIZE) { $1 = $input->data; $2 = $input->size; }

%typemap(ctype) const char * "char *"
%typemap(imtype, out="global::System.IntPtr") const char * "byte[]"
%typemap(cstype) const char * "string"
%typemap(csin) const char * "Text.Argument($csinput)"
%typemap(csout) const char * { return Text.Take($imcall); }
%typemap(in) const char * "$1 = $input;"
%typemap(out, null="NULL") const char * "$result = hawser_copy($1);"

%typemap(ctype) int32_t final "int32_t"
%typemap(imtype) int32_t final "int"
%typemap(cstype) int32_t final "bool"
%typemap(csin) int32_t final "$csinput ? 1 : 0"

// A call that may not be made returns what `hawser_may_enter` has left.
%typemap(ctype) Result, Wordless, Count "int64_t"
%typemap(imtype) Result, Wordless, Count "long"
%typemap(cstype) Result, Wordless "void"
%typemap(cstype) Count "long"
%typemap(csout) Result, Wordless { HawserException.Check($imcall); }
%typemap(csout) Count { return HawserException.Check($imcall); }
%typemap(out, null="hawser_failure.code") Result, Count { $result = $1; if ($1 < 0) hawser_fail($1, hawser_words(arg1, $1)); }
%typemap(out, null="hawser_failure.code") Wordless { $result = $1; if ($1 < 0) hawser_fail($1, hws_error_text($1)); }

%typemap(ctype) Batch "void *"
%typemap(imtype) Batch "global::System.IntPtr"
%typemap(cstype) Batch "Event[]"
%typemap(csout) Batch { return Event.Take($imcall); }
%typemap(out, null="NULL") Batch {
  $result = NULL;
  if ($1.count < 0) hawser_fail($1.count, hawser_words(arg1, $1.count));
  else $result = hawser_batch($1);
}

// src/Native.cs imports these.
%ignore Manager::free;
%ignore Manager::~Manager;
%ignore Options::~Options;
%wrapper %{
SWIGEXPORT int32_t SWIGSTDCALL hawser_csharp_failure_code(void) {
  int32_t code = hawser_failure.code;
  hawser_failure.code = 0;
  return code;
}
SWIGEXPORT const char *SWIGSTDCALL hawser_csharp_failure_words(void) { return hawser_failure.words; }
SWIGEXPORT void SWIGSTDCALL hawser_csharp_free(void *memory) { free(memory); }
SWIGEXPORT void SWIGSTDCALL hawser_csharp_close_manager(Manager *manager) { hawser_close(manager); }
SWIGEXPORT void SWIGSTDCALL hawser_csharp_release_manager(Manager *manager) {
  hawser_close(manager);
  free(manager);
}
SWIGEXPORT void SWIGSTDCALL hawser_csharp_release_options(Options *options) {
  hws_options_free(options->handle);
  free(options);
}
%}
