// Tcl 8.6: byte arrays for bytes, strings for text, events as dicts, object commands. Nothing that a script says is
// taken for a pointer: a method finds its object in the command that it was called by, an argument by the command that
// it names.

%begin %{
#define USE_TCL_STUBS 1
#define SWIG_TCL_STUBS_VERSION "8.6"
%}

%include "handles.i"

%{
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

// ---- errors -----------------------------------------------------------------------------------------------------------

// Our words may quote a peer's, which may be no UTF-8: such bytes become the characters of their numbers, as in all of
// Tcl.
static Tcl_Obj *hawser_words_of_peer(const char *words) {
  if (!words) return Tcl_NewObj();
  Tcl_DString decoded;
  Tcl_Encoding utf8 = Tcl_GetEncoding(NULL, "utf-8");
  Tcl_ExternalToUtfDString(utf8, words, (int)strlen(words), &decoded);
  Tcl_FreeEncoding(utf8);
  Tcl_Obj *text = Tcl_NewStringObj(Tcl_DStringValue(&decoded), Tcl_DStringLength(&decoded));
  Tcl_DStringFree(&decoded);
  return text;
}

// The error code {HAWSER HWS_ERR_STALE -3}. Returns TCL_ERROR.
static int hawser_fail(Tcl_Interp *interp, int64_t code, const char *words) {
  const char *name = hws_error_name((hws_result)code);
  Tcl_Obj *parts[] = {Tcl_NewStringObj("HAWSER", -1), Tcl_NewStringObj(name, -1), Tcl_NewWideIntObj(code)};
  Tcl_SetObjErrorCode(interp, Tcl_NewListObj(3, parts));
  Tcl_SetObjResult(interp, hawser_words_of_peer(words));
  return TCL_ERROR;
}

// ---- text -------------------------------------------------------------------------------------------------------------
//
// Tcl's own strings are nearly UTF-8: NUL is C0 80, and in Tcl 8 a character beyond U+FFFF is a pair of surrogates of
// three bytes each.

enum { HAWSER_PAIRS = TCL_UTF_MAX <= 3 };

static int hawser_is_surrogate(const unsigned char *at, size_t left, unsigned low) {
  return left >= 3 && at[0] == 0xED && (at[1] & 0xF0) == (low ? 0xB0 : 0xA0);
}

// Writes UTF-8, which is never longer. A lone surrogate stays what it is: the library refuses it.
static size_t hawser_encode(const unsigned char *from, size_t size, unsigned char *to) {
  unsigned char *begin = to;
  for (size_t i = 0; i < size;) {
    const unsigned char *at = from + i;
    if (at[0] == 0xC0) {
      *to++ = 0;
      i += 2;
    } else if (hawser_is_surrogate(at, size - i, 0) && hawser_is_surrogate(at + 3, size - i - 3, 1)) {
      unsigned high = (at[1] & 0x0Fu) << 6 | (at[2] & 0x3Fu), low = (at[4] & 0x0Fu) << 6 | (at[5] & 0x3Fu);
      unsigned character = 0x10000 + (high << 10) + low;
      *to++ = (unsigned char)(0xF0 | character >> 18);
      *to++ = (unsigned char)(0x80 | (character >> 12 & 0x3F));
      *to++ = (unsigned char)(0x80 | (character >> 6 & 0x3F));
      *to++ = (unsigned char)(0x80 | (character & 0x3F));
      i += 6;
    } else {
      *to++ = from[i++];
    }
  }
  return (size_t)(to - begin);
}

static int64_t hawser_decoded_size(const unsigned char *from, size_t size) {
  int64_t more = 0;
  for (size_t i = 0; i < size; i++) more += from[i] == 0 ? 1 : HAWSER_PAIRS && from[i] >= 0xF0 ? 2 : 0;
  return (int64_t)size + more;
}

static char *hawser_decode_surrogate(unsigned surrogate, char *to) {
  *to++ = (char)0xED;
  *to++ = (char)(0x80 | (surrogate >> 6 & 0x3F));
  *to++ = (char)(0x80 | (surrogate & 0x3F));
  return to;
}

// From UTF-8, which the library has seen to.
static void hawser_decode(const unsigned char *from, size_t size, char *to) {
  for (size_t i = 0; i < size;) {
    if (from[i] == 0) {
      *to++ = (char)0xC0;
      *to++ = (char)0x80;
      i++;
    } else if (HAWSER_PAIRS && from[i] >= 0xF0) {
      unsigned character = (from[i] & 7u) << 18 | (from[i + 1] & 0x3Fu) << 12 | (from[i + 2] & 0x3Fu) << 6 | (from[i + 3] & 0x3Fu);
      to = hawser_decode_surrogate(0xD800 + ((character - 0x10000) >> 10), to);
      to = hawser_decode_surrogate(0xDC00 + (character & 0x3FF), to);
      i += 4;
    } else {
      *to++ = (char)from[i++];
    }
  }
}

// NULL: longer than a string of Tcl can be.
static Tcl_Obj *hawser_text(const void *data, int64_t size) {
  int64_t decoded = hawser_decoded_size((const unsigned char *)data, (size_t)size);
  if (decoded > INT_MAX - 1) return NULL;
  if (decoded == size) return Tcl_NewStringObj(size ? (const char *)data : "", (int)size);
  Tcl_Obj *text = Tcl_NewObj();
  Tcl_SetObjLength(text, (int)decoded);
  hawser_decode((const unsigned char *)data, (size_t)size, text->bytes);
  return text;
}

// ---- arguments --------------------------------------------------------------------------------------------------------

// Bytes or text of an argument, as long as that stays as it is.
typedef struct {
  const void *data;
  size_t size;
  unsigned char *copy;
} hawser_payload;

static int hawser_has_to_be_encoded(const char *text, size_t size) {
  if (memchr(text, 0xC0, size)) return 1;
  const char *end = text + size;
  for (; (text = (const char *)memchr(text, 0xED, (size_t)(end - text))); text++)
    if (hawser_is_surrogate((const unsigned char *)text, (size_t)(end - text), 0)) return 1;
  return 0;
}

static int hawser_take_text(Tcl_Interp *interp, Tcl_Obj *object, hawser_payload *payload) {
  int size;
  const char *text = Tcl_GetStringFromObj(object, &size);
  payload->data = text;
  payload->size = (size_t)size;
  if (!hawser_has_to_be_encoded(text, (size_t)size)) return TCL_OK;
  payload->copy = (unsigned char *)malloc((size_t)size + 1);
  if (!payload->copy) return hawser_fail(interp, HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
  payload->size = hawser_encode((const unsigned char *)text, (size_t)size, payload->copy);
  payload->copy[payload->size] = 0;
  payload->data = payload->copy;
  return TCL_OK;
}

static int hawser_take_string(Tcl_Interp *interp, Tcl_Obj *object, hawser_payload *payload) {
  if (hawser_take_text(interp, object, payload) != TCL_OK) return TCL_ERROR;
  if (!memchr(payload->data, 0, payload->size)) return TCL_OK;
  return hawser_fail(interp, HWS_ERR_ARGUMENT, "a text with a NUL character inside: only messages may have one");
}

// Tcl 8.6 makes bytes of any string, and cuts its characters to their low bytes. One that has no string yet was made as
// bytes.
static int hawser_is_bytes(Tcl_Obj *object) {
  if (!object->bytes && object->typePtr && strcmp(object->typePtr->name, "bytearray") == 0) return 1;
  int size;
  const char *text = Tcl_GetStringFromObj(object, &size);
  for (int i = 0; i < size; i++)
    if ((unsigned char)text[i] >= 0xC4) return 0;  // begins a character above U+00FF
  return 1;
}

static int hawser_take_bytes(Tcl_Interp *interp, Tcl_Obj *object, hawser_payload *payload) {
  if (!hawser_is_bytes(object))
    return hawser_fail(interp, HWS_ERR_ARGUMENT, "expected bytes but got a character above 255 (see encoding convertto)");
  int size;
  payload->data = Tcl_GetByteArrayFromObj(object, &size);
  payload->size = (size_t)size;
  return TCL_OK;
}

// `opcode`: NULL where there is none. Whole text messages are strings, all else is bytes: a part may be cut inside a
// character.
static int hawser_take_payload(Tcl_Interp *interp, Tcl_Obj *object, Tcl_Obj *opcode, hawser_payload *payload) {
  int number;
  if (opcode && Tcl_GetIntFromObj(NULL, opcode, &number) == TCL_OK && (number & ~HWS_UNCOMPRESSED) == HWS_TEXT)
    return hawser_take_text(interp, object, payload);
  return hawser_take_bytes(interp, object, payload);
}

// By SWIG's name of a method: whether it sends whole messages, so that an opcode stands before the payload. The
// compiler works it out.
static inline int hawser_is_of_messages(const char *method) {
  return !strcmp(method, "Manager_send") || !strcmp(method, "Manager_broadcast");
}

// Tcl 8.6 itself takes integers of up to 64 bits without sign, and lets them wrap around.
static int hawser_take_number(Tcl_Interp *interp, Tcl_Obj *object, int64_t least, int64_t most, int64_t *number) {
  Tcl_WideInt wide;
  double exact;
  if (Tcl_GetWideIntFromObj(interp, object, &wide) != TCL_OK) return TCL_ERROR;
  int wrapped = Tcl_GetDoubleFromObj(NULL, object, &exact) == TCL_OK && (wide < 0) != (exact < 0);
  *number = wide;
  if (!wrapped && wide >= least && wide <= most) return TCL_OK;
  Tcl_SetObjResult(interp, Tcl_ObjPrintf("integer out of range: \"%s\"", Tcl_GetString(object)));
  Tcl_SetErrorCode(interp, "TCL", "VALUE", "NUMBER", (char *)NULL);
  return TCL_ERROR;
}

// ---- objects ----------------------------------------------------------------------------------------------------------

// What is behind a command.
typedef struct {
  swig_class *of;
  void *pointer;
  Tcl_Command command;
} hawser_object;

// What an interpreter has of ours.
typedef struct {
  int made;  // objects, for their names
  Tcl_Obj *keys[11];
} hawser_state;

#define HAWSER_NAME(name) #name,
static const char *const hawser_keys[11] = {HAWSER_EVENT_NUMBERS(HAWSER_NAME) "data", "text"};

static void hawser_free_state(ClientData clientData, Tcl_Interp *interp) {
  hawser_state *state = (hawser_state *)clientData;
  (void)interp;
  for (int i = 0; i < 11; i++) Tcl_DecrRefCount(state->keys[i]);
  free(state);
}

// NULL when out of memory.
static hawser_state *hawser_state_of(Tcl_Interp *interp) {
  hawser_state *state = (hawser_state *)Tcl_GetAssocData(interp, "hawser", NULL);
  if (state || !(state = (hawser_state *)calloc(1, sizeof *state))) return state;
  for (int i = 0; i < 11; i++) Tcl_IncrRefCount(state->keys[i] = Tcl_NewStringObj(hawser_keys[i], -1));
  Tcl_SetAssocData(interp, "hawser", hawser_free_state, state);
  return state;
}

static int hawser_call_method(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  swig_method *methods = ((hawser_object *)clientData)->of->methods;
  int index;
  if (objc < 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "method ?argument ...?");
    return TCL_ERROR;
  }
  if (Tcl_GetIndexFromObjStruct(interp, objv[1], methods, sizeof *methods, "method", TCL_EXACT, &index) != TCL_OK)
    return TCL_ERROR;
  return methods[index].method(clientData, interp, objc, objv);
}

static void hawser_free_object(ClientData clientData) {
  hawser_object *object = (hawser_object *)clientData;
  object->of->destructor(object->pointer);
  free(object);
}

// Makes the command of a new object, and its name the result. It is freed with the command.
static int hawser_make_object(Tcl_Interp *interp, swig_class *of, void *pointer) {
  hawser_state *state = hawser_state_of(interp);
  hawser_object *object = (hawser_object *)malloc(sizeof *object);
  if (!state || !object) {
    free(object);
    of->destructor(pointer);
    return hawser_fail(interp, HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
  }
  char name[64];
  do snprintf(name, sizeof name, "::" SWIG_prefix "%s%d", of->name, ++state->made);
  while (Tcl_FindCommand(interp, name, NULL, 0));
  object->of = of;
  object->pointer = pointer;
  object->command = Tcl_CreateObjCommand(interp, name, hawser_call_method, object, hawser_free_object);
  Tcl_SetObjResult(interp, Tcl_NewStringObj(name, -1));
  return TCL_OK;
}

// An argument, by the name of its command; "" is none.
static int hawser_take_object(Tcl_Interp *interp, Tcl_Obj *name, swig_class *of, void **pointer) {
  Tcl_CmdInfo info;
  *pointer = NULL;
  if (!*Tcl_GetString(name)) return TCL_OK;
  if (Tcl_GetCommandInfo(interp, Tcl_GetString(name), &info) && info.objProc == hawser_call_method &&
      ((hawser_object *)info.objClientData)->of == of) {
    *pointer = ((hawser_object *)info.objClientData)->pointer;
    return TCL_OK;
  }
  Tcl_SetObjResult(interp, Tcl_ObjPrintf("expected one of hawser::%s but got \"%s\"", of->name, Tcl_GetString(name)));
  Tcl_SetErrorCode(interp, "HAWSER", "HWS_ERR_ARGUMENT", "-2", (char *)NULL);
  return TCL_ERROR;
}

// hawser::Manager new ...
static int hawser_call_class(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]) {
  static const char *const verbs[] = {"new", NULL};
  int index;
  if (objc < 2) {
    Tcl_WrongNumArgs(interp, 1, objv, "new ?argument ...?");
    return TCL_ERROR;
  }
  if (Tcl_GetIndexFromObj(interp, objv[1], verbs, "method", TCL_EXACT, &index) != TCL_OK) return TCL_ERROR;
  return ((swig_class *)clientData)->constructor(NULL, interp, objc - 1, objv + 1);
}

static void hawser_hide(Tcl_Interp *interp, const char *prefix, const char *name) {
  char command[64];
  snprintf(command, sizeof command, SWIG_prefix "%s%s", prefix, name);
  Tcl_DeleteCommand(interp, command);
}

// In the place of SWIG's commands, new_Manager, Manager_poll and so on, which read pointers from strings.
static void hawser_make_class(Tcl_Interp *interp, swig_class *of, const char *name, const char *prefix) {
  hawser_hide(interp, "new_", of->name);
  hawser_hide(interp, "delete_", of->name);
  for (swig_method *method = of->methods; method->name; method++) hawser_hide(interp, prefix, method->name);
  Tcl_CreateObjCommand(interp, name, hawser_call_class, of, NULL);
}

// SWIG's words of a call, "connection opcode data ?size? ", as a Tcler expects them: those from `least` on may be left
// out.
static Tcl_Obj *hawser_usage(const char *words, int least) {
  Tcl_Obj *usage = Tcl_NewObj();
  int index = 0;
  for (size_t length; *words; words += length + 1) {
    length = strcspn(words, " ");
    int marks = *words == '?';
    const char *word = words + marks;
    int size = (int)length - 2 * marks;
    if (size == 4 && strncmp(word, "size", 4) == 0) continue;  // of a payload
    Tcl_AppendPrintfToObj(usage, index < least ? "%s%.*s" : "%s?%.*s?", index > 0 ? " " : "", size, word);
    index++;
  }
  return usage;
}

// As SWIG_GetArgs, in the place of which it is called, for formats of objects alone: "oo|o:hawser::Manager_listen self
// url ?options? ".
static int hawser_count_arguments(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[], const char *format, ...) {
  int least = (int)strcspn(format, "|:"), most = least + (format[least] == '|' ? (int)strcspn(format + least + 1, ":") : 0);
  if (objc - 1 >= least && objc - 1 <= most) return TCL_OK;
  int is_method = strstr(format, " self ") != NULL, is_new = strstr(format, "::new_") != NULL;
  const char *words = strchr(format, ' ') + 1 + (is_method ? strlen("self ") : 0);
  Tcl_Obj *usage = hawser_usage(words, least - is_method);
  Tcl_IncrRefCount(usage);
  const char *shown = Tcl_GetString(usage);
  // hawser_call_class has one more before it.
  Tcl_WrongNumArgs(interp, is_method || is_new ? 2 : 1, objv - is_new, *shown ? shown : NULL);
  Tcl_DecrRefCount(usage);
  return TCL_ERROR;
}
#undef SWIG_GetArgs
#define SWIG_GetArgs hawser_count_arguments

// A new channel, registered in the interpreter, whose owner is the script. NULL: the interpreter has the error.
static Tcl_Obj *hawser_channel(Tcl_Interp *interp, Manager *manager) {
  int64_t descriptor = hws_manager_fd(manager->handle);
  if (descriptor < 0) {
    hawser_fail(interp, descriptor, hawser_words(manager, descriptor));
    return NULL;
  }
  int copy = fcntl((int)descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0 || copy >= FD_SETSIZE) {  // Tcl waits with select
    if (copy >= 0) close(copy);
    hawser_fail(interp, HWS_ERR_SYSTEM, "too many files are open: Tcl can't watch one more");
    return NULL;
  }
  Tcl_Channel channel = Tcl_MakeFileChannel((ClientData)(intptr_t)copy, TCL_READABLE);
  Tcl_RegisterChannel(interp, channel);
  return Tcl_NewStringObj(Tcl_GetChannelName(channel), -1);
}

// ---- events -----------------------------------------------------------------------------------------------------------

// NULL: larger than a value of Tcl can be.
static Tcl_Obj *hawser_event_data(const hws_event *event) {
  if (hawser_is_text(event)) return hawser_text(event->data, event->size);
  if (event->size > INT_MAX - 64) return NULL;
  return Tcl_NewByteArrayObj((const unsigned char *)event->data, (int)event->size);
}

static Tcl_Obj *hawser_event(hws_manager *manager, int32_t index, Tcl_Obj **key) {
  const hws_event *event = hws_manager_event(manager, index);
  Tcl_Obj *data = hawser_event_data(event);
  if (!data) return NULL;
  Tcl_Obj *dict = Tcl_NewDictObj();
#define HAWSER_PUT(name) Tcl_DictObjPut(NULL, dict, *key++, Tcl_NewWideIntObj(event->name));
  HAWSER_EVENT_NUMBERS(HAWSER_PUT)
  Tcl_DictObjPut(NULL, dict, *key++, data);
  const char *words = event->kind == HWS_EVENT_CLOSE ? hws_manager_event_text(manager, index) : NULL;
  Tcl_DictObjPut(NULL, dict, *key, hawser_words_of_peer(words));
  return dict;
}

static int hawser_list(Tcl_Interp *interp, Batch batch) {
  hawser_state *state = hawser_state_of(interp);
  if (!state) return hawser_fail(interp, HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
  Tcl_Obj *list = Tcl_NewListObj(0, NULL);
  for (int32_t i = 0; i < batch.count; i++) {
    Tcl_Obj *event = hawser_event(batch.manager, i, state->keys);
    if (!event) {
      Tcl_DecrRefCount(list);
      return hawser_fail(interp, HWS_ERR_TOO_LARGE, "a message of 2 GiB or more does not fit into a value of Tcl");
    }
    Tcl_ListObjAppendElement(NULL, list, event);
  }
  Tcl_SetObjResult(interp, list);
  return TCL_OK;
}

// ---- the module -------------------------------------------------------------------------------------------------------

static swig_class _wrap_class_Manager, _wrap_class_Options;

// SWIG's own, which is not made for interpreters of several threads that load it at the same time.
#undef SWIG_init
#define SWIG_init hawser_make_commands
SWIGEXPORT int SWIG_init(Tcl_Interp *interp);

SWIGEXPORT int Hawser_Init(Tcl_Interp *interp) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  int code = SWIG_init(interp);
  pthread_mutex_unlock(&mutex);
  return code;
}
%}

%init %{
  hawser_make_class(interp, &_wrap_class_Manager, SWIG_prefix "Manager", "Manager_");
  hawser_make_class(interp, &_wrap_class_Options, SWIG_prefix "Options", "Options_");
%}

// ---- arguments and results --------------------------------------------------------------------------------------------

%typemap(in) struct Manager *self "$1 = (Manager *)((hawser_object *)clientData)->pointer;"
%typemap(in) struct Options *self "$1 = (Options *)((hawser_object *)clientData)->pointer;"
%typemap(in) Options *options (void *object), Options *headers (void *object) {
  if (hawser_take_object(interp, $input, &_wrap_class_Options, &object) != TCL_OK) SWIG_fail;
  $1 = (Options *)object;
}
%typemap(out) struct Manager * "if (hawser_make_object(interp, &_wrap_class_Manager, $1) != TCL_OK) SWIG_fail;"
%typemap(out) struct Options * "if (hawser_make_object(interp, &_wrap_class_Options, $1) != TCL_OK) SWIG_fail;"

%typemap(in) (const void *DATA, size_t SIZE) (hawser_payload payload = {0}) {
  Tcl_Obj *opcode = hawser_is_of_messages("$symname") ? objv[$argnum - 1] : NULL;
  if (hawser_take_payload(interp, $input, opcode, &payload) != TCL_OK) SWIG_fail;
  $1 = (void *)payload.data;
  $2 = payload.size;
}
%typemap(freearg) (const void *DATA, size_t SIZE) "free(payload$argnum.copy);"

%typemap(in) const char * (hawser_payload text = {0}) {
  if (hawser_take_string(interp, $input, &text) != TCL_OK) SWIG_fail;
  $1 = (char *)text.data;
}
%typemap(freearg) const char * "free(text$argnum.copy);"
%typemap(out) const char * "Tcl_SetObjResult(interp, hawser_words_of_peer($1));"

%typemap(in) int32_t (int64_t number) {
  if (hawser_take_number(interp, $input, INT32_MIN, INT32_MAX, &number) != TCL_OK) SWIG_fail;
  $1 = (int32_t)number;
}
%typemap(in) int64_t "if (hawser_take_number(interp, $input, INT64_MIN, INT64_MAX, &$1) != TCL_OK) SWIG_fail;"
%typemap(out) int32_t, int64_t "Tcl_SetObjResult(interp, Tcl_NewWideIntObj($1));"
// Of a copy: it may be the same value as the payload before it, whose bytes another representation would free.
%typemap(in) int32_t final (int flag) {
  Tcl_Obj *copy = Tcl_DuplicateObj($input);
  int code = Tcl_GetBooleanFromObj(interp, copy, &flag);
  Tcl_DecrRefCount(copy);
  if (code != TCL_OK) SWIG_fail;
  $1 = flag;
}

%typemap(out) Result "if ($1 < 0) { hawser_fail(interp, $1, hawser_words(arg1, $1)); SWIG_fail; }"
%typemap(out) Wordless "if ($1 < 0) { hawser_fail(interp, $1, hws_error_text($1)); SWIG_fail; }"
%typemap(out) Count {
  if ($1 < 0) { hawser_fail(interp, $1, hawser_words(arg1, $1)); SWIG_fail; }
  Tcl_SetObjResult(interp, Tcl_NewWideIntObj($1));
}
%typemap(out) Batch {
  if ($1.count < 0) { hawser_fail(interp, $1.count, hawser_words(arg1, $1.count)); SWIG_fail; }
  if (hawser_list(interp, $1) != TCL_OK) SWIG_fail;
}

// Out of memory, or of descriptors.
%define HAWSER_MAKES_ONE
  $action
  if (!result) {
    hawser_fail(interp, HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
    SWIG_fail;
  }
%enddef
%exception Manager::Manager { HAWSER_MAKES_ONE }
%exception Options::Options { HAWSER_MAKES_ONE }

// ---- what Tcl has besides ---------------------------------------------------------------------------------------------

%ignore Manager::free;  // `destroy` is the word
%typemap(in, numinputs = 0) Tcl_Interp *interp "$1 = interp;"
%typemap(in, numinputs = 0) hawser_object *object "$1 = (hawser_object *)clientData;"
%typemap(out) Tcl_Obj * {
  if (!$1) SWIG_fail;
  Tcl_SetObjResult(interp, $1);
}

%extend Manager {
  /** Ends every connection and listener, without events and without Close frames, and deletes the command, as
   * `rename $m ""` does. */
  void destroy(Tcl_Interp *interp, hawser_object *object) {
    (void)$self;
    Tcl_DeleteCommandFromToken(interp, object->command);
  }

  /** A new channel, to be closed by who asked for it, that is readable (fileevent) when poll has something to do. Nothing
   * can be read from it. HWS_ERR_UNSUPPORTED, _SYSTEM, _NO_MEMORY. */
  Tcl_Obj *channel(Tcl_Interp *interp) { return hawser_channel(interp, $self); }
}

%extend Options {
  void destroy(Tcl_Interp *interp, hawser_object *object) {
    (void)$self;
    Tcl_DeleteCommandFromToken(interp, object->command);
  }
}
