// Python: bytes out, any buffer in, str for text. Compiled with -builtin.

%include "handles.i"

%feature("autodoc", "0");

%{
#include <structmember.h>

// ---- errors -----------------------------------------------------------------------------------------------------------

static PyObject *hawser_error;  // the class HawserError

static void hawser_raise(int64_t code, const char *words) {
  PyObject *error = PyObject_CallFunction(hawser_error, "Ls", (long long)code, words);
  if (error) PyErr_SetObject(hawser_error, error);
  Py_XDECREF(error);
}

// ---- text -------------------------------------------------------------------------------------------------------------

// What a peer wrote into its head may be anything: bytes that are no UTF-8 become surrogates (PEP 383).
static PyObject *hawser_text(const char *text) {
  if (!text) Py_RETURN_NONE;
  return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogateescape");
}

// 1: `text` is valid as long as `object` is.
static int hawser_as_text(PyObject *object, const char **text) {
  Py_ssize_t size;
  *text = NULL;
  if (object == Py_None) return 1;
  if (!PyUnicode_Check(object)) {
    PyErr_Format(PyExc_TypeError, "a str is needed, not %.100s", Py_TYPE(object)->tp_name);
    return 0;
  }
  *text = PyUnicode_AsUTF8AndSize(object, &size);
  if (!*text) return 0;
  if (strlen(*text) == (size_t)size) return 1;
  PyErr_SetString(PyExc_ValueError, "embedded null character");
  return 0;
}

// ---- payloads ---------------------------------------------------------------------------------------------------------

// A str or anything with a buffer; valid until it is released.
typedef struct {
  Py_buffer buffer;
  const void *data;
  size_t size;
} hawser_payload;

static int hawser_take_payload(PyObject *object, hawser_payload *payload) {
  Py_ssize_t size;
  payload->buffer.obj = NULL;
  if (PyBytes_CheckExact(object)) {
    payload->data = PyBytes_AS_STRING(object);
    size = PyBytes_GET_SIZE(object);
  } else if (PyUnicode_Check(object)) {
    payload->data = PyUnicode_AsUTF8AndSize(object, &size);
    if (!payload->data) return 0;
  } else {
    if (PyObject_GetBuffer(object, &payload->buffer, PyBUF_SIMPLE) < 0) return 0;
    payload->data = payload->buffer.buf;
    size = payload->buffer.len;
  }
  payload->size = (size_t)size;
  return 1;
}

static void hawser_release_payload(hawser_payload *payload) {
  if (payload->buffer.obj) PyBuffer_Release(&payload->buffer);
}

// ---- events -----------------------------------------------------------------------------------------------------------

typedef struct {
  PyObject_HEAD
  int kind, opcode, code, error, system;
  unsigned int flags;
  long long connection, listener, tag;
  PyObject *data, *text;
} hawser_event;

static PyTypeObject *hawser_event_type;

static void hawser_event_dealloc(PyObject *self) {
  hawser_event *event = (hawser_event *)self;
  PyTypeObject *type = Py_TYPE(self);
  Py_XDECREF(event->data);
  Py_XDECREF(event->text);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *hawser_event_repr(PyObject *self) {
  hawser_event *event = (hawser_event *)self;
  return PyUnicode_FromFormat("Event(kind=%d, connection=%lld, opcode=%d, data=%R, code=%d, error=%d, text=%R)", event->kind,
                              event->connection, event->opcode, event->data, event->code, event->error, event->text);
}

#define HAWSER_MEMBER(name, how, doc) {#name, how, offsetof(hawser_event, name), READONLY, doc}
static PyMemberDef hawser_event_members[] = {
    HAWSER_MEMBER(kind, T_INT, "EVENT_OPEN, EVENT_MESSAGE ...; kinds that you do not know are to be ignored"),
    HAWSER_MEMBER(opcode, T_INT, "MESSAGE: TEXT or BINARY"),
    HAWSER_MEMBER(connection, T_LONGLONG, "the id; in the CLOSE of a listener: the listener's"),
    HAWSER_MEMBER(listener, T_LONGLONG, "the listener that accepted it; 0 for an outgoing one"),
    HAWSER_MEMBER(tag, T_LONGLONG, "yours: Manager.set_tag"),
    HAWSER_MEMBER(data, T_OBJECT, "a whole text message, or the reason of a CLOSE: str; else bytes"),
    HAWSER_MEMBER(code, T_INT, "CLOSE: the peer's close code. DRAIN: broadcasts skipped"),
    HAWSER_MEMBER(error, T_INT, "CLOSE: 0 or the ERR_* that ended it"),
    HAWSER_MEMBER(system, T_INT, "CLOSE: errno or HTTP status, as error says; else 0"),
    HAWSER_MEMBER(flags, T_UINT, "FIRST, FINAL, BY_PEER, CLEAN, COMPRESSED, UPGRADE"),
    HAWSER_MEMBER(text, T_OBJECT, "CLOSE: which layer ended it and why, in English; else None"),
    {NULL, 0, 0, 0, NULL}};

static PyType_Slot hawser_event_slots[] = {{Py_tp_dealloc, (void *)hawser_event_dealloc},
                                           {Py_tp_repr, (void *)hawser_event_repr},
                                           {Py_tp_members, hawser_event_members},
                                           {Py_tp_doc, (void *)"What happened to a connection or a listener."},
                                           {0, NULL}};
static PyType_Spec hawser_event_spec = {"hawser.Event", sizeof(hawser_event), 0,
                                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, hawser_event_slots};

static PyObject *hawser_event_data(const hws_event *event) {
  const char *data = event->size ? (const char *)event->data : "";
  if (hawser_is_text(event)) return PyUnicode_DecodeUTF8(data, (Py_ssize_t)event->size, NULL);
  return PyBytes_FromStringAndSize(data, (Py_ssize_t)event->size);
}

static PyObject *hawser_event_new(hws_manager *manager, int32_t index) {
  const hws_event *from = hws_manager_event(manager, index);
  hawser_event *event = PyObject_New(hawser_event, hawser_event_type);
  if (!event) return NULL;
#define HAWSER_COPY(name) event->name = from->name;
  HAWSER_EVENT_NUMBERS(HAWSER_COPY)
  event->data = hawser_event_data(from);
  event->text = from->kind == HWS_EVENT_CLOSE ? hawser_text(hws_manager_event_text(manager, index)) : Py_NewRef(Py_None);
  if (event->data && event->text) return (PyObject *)event;
  Py_DECREF(event);
  return NULL;
}

// A signal that came ends a wait without events: its Python handler runs now, and may raise.
static PyObject *hawser_list(Batch batch) {
  if (batch.count == 0 && PyErr_CheckSignals() < 0) return NULL;
  // A list is what the garbage collector looks at, and may have finalizers run that poll or free: it is made when all is copied.
  PyObject **events = PyMem_New(PyObject *, (size_t)batch.count + 1);
  if (!events) return PyErr_NoMemory();
  int32_t count = 0;
  while (count < batch.count && (events[count] = hawser_event_new(batch.manager, count))) count++;
  PyObject *list = count == batch.count ? PyList_New(count) : NULL;
  for (int32_t i = 0; i < count; i++) {
    if (list)
      PyList_SET_ITEM(list, i, events[i]);
    else
      Py_DECREF(events[i]);
  }
  PyMem_Free(events);
  return list;
}
%}

%init %{
  hawser_event_type = (PyTypeObject *)PyType_FromSpec(&hawser_event_spec);
  if (!hawser_event_type || PyModule_AddObject(m, "Event", Py_NewRef((PyObject *)hawser_event_type)) < 0) return NULL;
  PyObject *errors = PyImport_ImportModule("hawser.errors");
  hawser_error = errors ? PyObject_GetAttrString(errors, "HawserError") : NULL;
  Py_XDECREF(errors);
  if (!hawser_error) return NULL;
%}

// SWIG lists what it has made itself.
%pythoncode %{
from ._raw import Event
%}

%typemap(in) (const void *DATA, size_t SIZE) (hawser_payload payload = {0}) {
  if (!hawser_take_payload($input, &payload)) SWIG_fail;
  $1 = (void *)payload.data;
  $2 = payload.size;
}
%typemap(freearg) (const void *DATA, size_t SIZE) "hawser_release_payload(&payload$argnum);"

%typemap(in) const char * "if (!hawser_as_text($input, (const char **)&$1)) SWIG_fail;"
%typemap(freearg) const char * ""
%typemap(out) const char * "$result = hawser_text($1);"

%typemap(out) Result "if ($1 < 0) { hawser_raise($1, hawser_words(arg1, $1)); SWIG_fail; } $result = SWIG_Py_Void();"
%typemap(out) Wordless "if ($1 < 0) { hawser_raise($1, hws_error_text($1)); SWIG_fail; } $result = SWIG_Py_Void();"
%typemap(out) Count "if ($1 < 0) { hawser_raise($1, hawser_words(arg1, $1)); SWIG_fail; } $result = PyLong_FromLongLong($1);"
%typemap(out) Batch {
  if ($1.count < 0) { hawser_raise($1.count, hawser_words(arg1, $1.count)); SWIG_fail; }
  $result = hawser_list($1);
  if (!$result) SWIG_fail;
}

// An object whose __init__ never ran (that of a subclass, which forgot it) has no pointer, but it has its type, which SWIG looks at.
%{
#define HAWSER_NEW(Class)                                                                        \
  static PyObject *hawser_new_##Class(PyTypeObject *type, PyObject *arguments, PyObject *keywords) { \
    PyObject *object = PyType_GenericNew(type, arguments, keywords);                             \
    if (object) ((SwigPyObject *)object)->ty = SWIGTYPE_p_##Class;                               \
    return object;                                                                               \
  }
HAWSER_NEW(Manager)
HAWSER_NEW(Options)
%}
%feature("python:tp_new") Manager "hawser_new_Manager";
%feature("python:tp_new") Options "hawser_new_Options";
%typemap(check, noblock=1) struct Manager *self, struct Options *self, Manager *self, Options *self {
  if (!$1) SWIG_exception_fail(SWIG_ValueError, "$symname of an object that was not initialised");
}

// Out of memory, or of descriptors.
%define HAWSER_MAKES_ONE
  if (((SwigPyObject *)self)->ptr) {
    PyErr_SetString(PyExc_RuntimeError, "it was initialised already");
    SWIG_fail;
  }
  $action
  if (!result) {
    hawser_raise(HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
    SWIG_fail;
  }
%enddef
%exception Manager::Manager { HAWSER_MAKES_ONE }
%exception Options::Options { HAWSER_MAKES_ONE }

// Other Python threads run while these wait, or end a manager. All else is short, and holds the GIL.
%define HAWSER_LETS_THREADS_RUN
  arg1->inside++;
  Py_BEGIN_ALLOW_THREADS
  $action
  Py_END_ALLOW_THREADS
  arg1->inside--;
%enddef
// One that is out of hws_manager_poll may still wait for the GIL: its batch must stay.
%exception Manager::poll {
  if (arg1->inside > 0) {
    result.manager = arg1->handle;
    result.count = HWS_ERR_BUSY;
  } else {
    HAWSER_LETS_THREADS_RUN
  }
}
%exception Manager::flush { HAWSER_LETS_THREADS_RUN }
