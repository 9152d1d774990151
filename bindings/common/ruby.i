// Ruby: binary Strings out, UTF-8 for text; any String in, by its bytes.
//
// Errors are raised by longjmp: SWIG's own cleaning up at the end of a call never runs then. So nothing here owns anything
// when it raises: payloads and texts are the Strings' own memory. Nor does anything here run Ruby code between two arguments,
// or while a batch is copied (no to_str, no initialize): it could change a String whose bytes were looked at, or free or poll
// the manager.

%include "handles.i"

%{
#include <ruby/thread.h>

// ---- errors -----------------------------------------------------------------------------------------------------------

static VALUE hawser_error, hawser_event;  // the classes Hawser::Error and Hawser::Event

static void hawser_raise(int64_t code, const char *words) {
  VALUE arguments[] = {LL2NUM(code), rb_utf8_str_new_cstr(words)};
  rb_exc_raise(rb_class_new_instance(2, arguments, hawser_error));
}

// With the manager's words, if it is the one that they are about.
static void hawser_check(int64_t code, Manager *manager) {
  if (code < 0) hawser_raise(code, hawser_words(manager, code));
}

// ---- arguments --------------------------------------------------------------------------------------------------------

// What SWIG has wrapped; an object whose initialize never ran (that of a subclass, which forgot it, or a dup) has no pointer.
static void *hawser_pointer(VALUE object, swig_type_info *type) {
  VALUE class = ((swig_class *)type->clientdata)->klass;
  if (!RTEST(rb_obj_is_kind_of(object, class)))
    rb_raise(rb_eTypeError, "a %" PRIsVALUE " is needed, not %" PRIsVALUE, class, rb_obj_class(object));
  if (!DATA_PTR(object)) hawser_raise(HWS_ERR_ARGUMENT, "the object was not initialised");
  return DATA_PTR(object);
}

static int64_t hawser_integer(VALUE number, int64_t least, int64_t most) {
  if (!RB_INTEGER_TYPE_P(number)) rb_raise(rb_eTypeError, "an Integer is needed, not %" PRIsVALUE, rb_obj_class(number));
  int64_t value = NUM2LL(number);
  if (value < least || value > most) rb_raise(rb_eRangeError, "%lld is out of range", (long long)value);
  return value;
}

static int32_t hawser_flag(VALUE flag) {
  if (flag != Qtrue && RTEST(flag)) rb_raise(rb_eTypeError, "true or false is needed, not %" PRIsVALUE, rb_obj_class(flag));
  return RTEST(flag);
}

static void hawser_check_string(VALUE object) {
  if (!RB_TYPE_P(object, T_STRING)) rb_raise(rb_eTypeError, "a String is needed, not %" PRIsVALUE, rb_obj_class(object));
}

static char *hawser_text_in(VALUE object) {
  if (NIL_P(object)) return NULL;
  hawser_check_string(object);
  if (memchr(RSTRING_PTR(object), 0, (size_t)RSTRING_LEN(object))) rb_raise(rb_eArgError, "string contains null byte");
  return StringValueCStr(object);
}

// ---- results ----------------------------------------------------------------------------------------------------------

// What a peer wrote into its head may be anything: String#valid_encoding? tells.
static VALUE hawser_text_out(const char *text) {
  return text ? rb_utf8_str_new_cstr(text) : Qnil;
}

static VALUE hawser_event_data(const hws_event *event) {
  const char *data = event->size ? (const char *)event->data : "";
  return hawser_is_text(event) ? rb_utf8_str_new(data, (long)event->size) : rb_str_new(data, (long)event->size);
}

static VALUE hawser_event_new(hws_manager *manager, int32_t index) {
  const hws_event *from = hws_manager_event(manager, index);
  VALUE event = rb_obj_alloc(hawser_event);
  int member = 0;
#define HAWSER_COPY(name) RSTRUCT_SET(event, member++, LL2NUM((int64_t)from->name));
  HAWSER_EVENT_NUMBERS(HAWSER_COPY)
  RSTRUCT_SET(event, member++, hawser_event_data(from));
  if (from->kind == HWS_EVENT_CLOSE) RSTRUCT_SET(event, member, hawser_text_out(hws_manager_event_text(manager, index)));
  return rb_obj_freeze(event);
}

static VALUE hawser_list(Batch batch) {
  VALUE list = rb_ary_new_capa(batch.count);
  for (int32_t i = 0; i < batch.count; i++) rb_ary_push(list, hawser_event_new(batch.manager, i));
  return list;
}

// ---- waiting ----------------------------------------------------------------------------------------------------------

static Batch Manager_poll(Manager *self, int32_t timeout_ms);

typedef struct {
  Manager *manager;
  int32_t timeout_ms;
  Batch batch;
} hawser_waiting;

static void *hawser_poll(void *argument) {
  hawser_waiting *waiting = (hawser_waiting *)argument;
  waiting->batch = Manager_poll(waiting->manager, waiting->timeout_ms);
  return NULL;
}

static void hawser_wake(void *manager) {
  hws_manager_wake(((Manager *)manager)->handle);
}

// Other threads run meanwhile. Thread#kill, Timeout and signals end a wait; they are heeded when there is no batch to lose.
// Those that a Thread.handle_interrupt has held back until somebody waits are heeded first: nothing wakes it for them.
static Batch hawser_wait(Manager *manager, int32_t timeout_ms) {
  rb_thread_check_ints();
  // One that is out of hws_manager_poll may still wait for the GVL: its batch must stay.
  if (manager->inside > 0) hawser_check(HWS_ERR_BUSY, manager);
  hawser_waiting waiting = {manager, timeout_ms, {manager->handle, 0}};
  manager->inside++;
  rb_thread_call_without_gvl2(hawser_poll, &waiting, hawser_wake, manager);
  manager->inside--;
  if (waiting.batch.count == 0) rb_thread_check_ints();
  return waiting.batch;
}
%}

%init %{
  rb_require("hawser/errors");
  hawser_error = rb_const_get(mHawser, rb_intern("Error"));
#define HAWSER_NAME(name) #name,
  hawser_event = rb_struct_define_under(mHawser, "Event", HAWSER_EVENT_NUMBERS(HAWSER_NAME) "data", "text", NULL);
  rb_gc_register_mark_object(hawser_error);
  rb_gc_register_mark_object(hawser_event);
%}

%typemap(in) (const void *DATA, size_t SIZE) {
  hawser_check_string($input);
  $1 = RSTRING_PTR($input);
  $2 = (size_t)RSTRING_LEN($input);
}
%typemap(freearg) (const void *DATA, size_t SIZE) ""

%typemap(in) const char * "$1 = hawser_text_in($input);"
%typemap(freearg) const char * ""
%typemap(out) const char * "$result = hawser_text_out($1);"

%typemap(in) int32_t, hws_result "$1 = (int32_t)hawser_integer($input, INT32_MIN, INT32_MAX);"
%typemap(in) int64_t, hws_id "$1 = hawser_integer($input, INT64_MIN, INT64_MAX);"
%typemap(in) int32_t final "$1 = hawser_flag($input);"

%typemap(in) Manager *self, struct Manager *self "$1 = ($1_ltype)hawser_pointer($input, SWIGTYPE_p_Manager);"
%typemap(in) Options *self, struct Options *self "$1 = ($1_ltype)hawser_pointer($input, SWIGTYPE_p_Options);"
%typemap(in) Options *options, Options *headers "$1 = NIL_P($input) ? NULL : ($1_ltype)hawser_pointer($input, SWIGTYPE_p_Options);"

%typemap(out) Result { hawser_check($1, arg1); $result = Qnil; }
%typemap(out) Wordless { hawser_check($1, NULL); $result = Qnil; }
%typemap(out) Count { hawser_check($1, arg1); $result = LL2NUM($1); }
%typemap(out) Batch { hawser_check($1.count, arg1); $result = hawser_list($1); }

// Out of memory or of descriptors: managers that nobody refers to any more may have some.
%define HAWSER_MAKES_ONE
  if (DATA_PTR(self)) rb_raise(rb_eRuntimeError, "it was initialised already");
  $action
  if (!result) {
    rb_funcall(rb_mGC, rb_intern("start"), 0);
    $action
  }
  if (!result) hawser_raise(HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
%enddef
%exception Manager::Manager { HAWSER_MAKES_ONE }
%exception Options::Options { HAWSER_MAKES_ONE }

// All other calls are short, and hold the GVL.
%exception Manager::poll { result = hawser_wait(arg1, arg2); }
