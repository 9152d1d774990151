// PHP 8.1 or newer, 64 bits: strings are bytes, in and out. SWIG's own code knows neither namespaces nor strict types: what it
// does by macros and functions of PHP's is replaced below.

%include "handles.i"

%feature("php:type", "1");
%rename("%(lowercamelcase)s", %$isfunction, %$ismember) "";

%{
#include <ext/spl/spl_exceptions.h>
#include <string.h>
#include <time.h>

#if PHP_VERSION_ID < 80100 || SIZEOF_ZEND_LONG < 8
#error "hawser needs PHP 8.1 or newer, of 64 bits"
#endif

#define HAWSER_NAMESPACE "Hawser"

// ---- errors -----------------------------------------------------------------------------------------------------------

static zend_class_entry *hawser_exception;

static void hawser_throw(int64_t code, const char *words) {
  zend_throw_exception_ex(hawser_exception, (zend_long)code, "%s (%s)", words, hws_error_name((hws_result)code));
}

static ZEND_METHOD(HawserException, getName) {
  ZEND_PARSE_PARAMETERS_NONE();
  zval room, *code = zend_read_property(zend_ce_exception, Z_OBJ_P(ZEND_THIS), "code", sizeof "code" - 1, 1, &room);
  RETURN_STRING(hws_error_name((hws_result)zval_get_long(code)));
}

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(hawser_get_name_arguments, 0, 0, IS_STRING, 0)
ZEND_END_ARG_INFO()

static const zend_function_entry hawser_exception_methods[] = {
  ZEND_ME(HawserException, getName, hawser_get_name_arguments, ZEND_ACC_PUBLIC | ZEND_ACC_FINAL)
  ZEND_FE_END
};

static void hawser_declare_exception(void) {
  zend_class_entry entry;
  INIT_NS_CLASS_ENTRY(entry, HAWSER_NAMESPACE, "HawserException", hawser_exception_methods);
  hawser_exception = zend_register_internal_class_ex(&entry, spl_ce_RuntimeException);
}

// ---- events: objects whose properties are read-only --------------------------------------------------------------------

static zend_class_entry *hawser_event;

static void hawser_declare_property(const char *name, uint32_t kinds) {
  zval none;
  ZVAL_UNDEF(&none);
  zend_string *interned = zend_string_init_interned(name, strlen(name), 1);
  zend_declare_typed_property(hawser_event, interned, &none, ZEND_ACC_PUBLIC | ZEND_ACC_READONLY, NULL,
                              (zend_type)ZEND_TYPE_INIT_MASK(kinds));
}

static void hawser_declare_event(void) {
  zend_class_entry entry;
  INIT_NS_CLASS_ENTRY(entry, HAWSER_NAMESPACE, "Event", NULL);
  hawser_event = zend_register_internal_class(&entry);
  hawser_event->ce_flags |= ZEND_ACC_FINAL | ZEND_ACC_NO_DYNAMIC_PROPERTIES;
#define HAWSER_DECLARE(name) hawser_declare_property(#name, MAY_BE_LONG);
  HAWSER_EVENT_NUMBERS(HAWSER_DECLARE)
  hawser_declare_property("data", MAY_BE_STRING);
  hawser_declare_property("text", MAY_BE_STRING | MAY_BE_NULL);
}

// In the order of their declaration. Nothing of the user's runs here: no constructor, no finalizer.
static void hawser_make_event(zval *object, hws_manager *manager, int32_t index) {
  const hws_event *event = hws_manager_event(manager, index);
  object_init_ex(object, hawser_event);
  zval *property = Z_OBJ_P(object)->properties_table;
#define HAWSER_COPY(name) ZVAL_LONG(property++, event->name);
  HAWSER_EVENT_NUMBERS(HAWSER_COPY)
  ZVAL_STRINGL(property++, event->size ? (const char *)event->data : "", (size_t)event->size);
  if (event->kind == HWS_EVENT_CLOSE)
    ZVAL_STRING(property, hws_manager_event_text(manager, index));
  else
    ZVAL_NULL(property);
}

static void hawser_list(zval *list, Batch batch) {
  array_init_size(list, (uint32_t)batch.count);
  for (int32_t i = 0; i < batch.count; i++) {
    zval event;
    hawser_make_event(&event, batch.manager, i);
    add_next_index_zval(list, &event);
  }
}

// ---- waiting ------------------------------------------------------------------------------------------------------------

// A signal interrupts a poll that waits. One that comes while the library works is noted by PHP, and would not be heard before the
// next event: so PHP is asked every so often.
enum { HAWSER_PATIENCE = 250 };  // milliseconds

static int hawser_is_interrupted(void) {
#if PHP_VERSION_ID < 80200
  return EG(vm_interrupt);
#else
  return zend_atomic_bool_load_ex(&EG(vm_interrupt));
#endif
}

static int64_t hawser_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// How long the next part of a wait may be, to a deadline (-1: none).
static int32_t hawser_part(int64_t deadline) {
  int64_t left = deadline < 0 ? HAWSER_PATIENCE : deadline - hawser_now();
  if (left <= 0 || hawser_is_interrupted()) return 0;
  return left < HAWSER_PATIENCE ? (int32_t)left : HAWSER_PATIENCE;
}

// ---- arguments: of the very type, whether the caller's file is strict or not. 0: an exception is pending -----------------

#define HAWSER_POSITION(argument) ((uint32_t)(&argument - args) + 1)  // from 1, without $this

static int hawser_refuse(uint32_t position, const zval *argument, const char *wanted) {
  zend_argument_type_error(position, "must be of type %s, %s given", wanted, zend_zval_type_name(argument));
  return 0;
}

static int hawser_take_int(uint32_t position, const zval *argument, int64_t *number) {
  if (Z_TYPE_P(argument) != IS_LONG) return hawser_refuse(position, argument, "int");
  *number = Z_LVAL_P(argument);
  return 1;
}

static int hawser_take_int32(uint32_t position, const zval *argument, int32_t *number) {
  int64_t wide = 0;
  if (!hawser_take_int(position, argument, &wide)) return 0;
  *number = (int32_t)wide;
  if (*number == wide) return 1;
  zend_argument_value_error(position, "must be an int of 32 bits");
  return 0;
}

static int hawser_take_bool(uint32_t position, const zval *argument, int32_t *number) {
  *number = Z_TYPE_P(argument) == IS_TRUE;
  return *number || Z_TYPE_P(argument) == IS_FALSE || hawser_refuse(position, argument, "bool");
}

static int hawser_take_text(uint32_t position, const zval *argument, const char **text) {
  if (Z_TYPE_P(argument) != IS_STRING) return hawser_refuse(position, argument, "string");
  *text = Z_STRVAL_P(argument);
  if (strlen(*text) == Z_STRLEN_P(argument)) return 1;
  zend_argument_value_error(position, "must not contain any null bytes");
  return 0;
}

static int hawser_take_payload(uint32_t position, const zval *argument, const void **data, size_t *size) {
  if (Z_TYPE_P(argument) != IS_STRING) return hawser_refuse(position, argument, "string");
  *data = Z_STRVAL_P(argument);
  *size = Z_STRLEN_P(argument);
  return 1;
}

// ---- classes ------------------------------------------------------------------------------------------------------------

// What an object points to before its constructor: one of a subclass whose constructor does not call ours, or made by reflection.
// It answers as one that was freed does.
static union {
  Manager manager;
  Options options;
} hawser_unmade;

static zend_object *hawser_create_object(zend_class_entry *class, zend_object_handlers *handlers) {
  zend_object *object = SWIG_Php_do_create_object(class, handlers);
  swig_php_fetch_object(object)->ptr = &hawser_unmade;
  swig_php_fetch_object(object)->newobject = 0;
  return object;
}

static int hawser_is_made(zval *object) { return SWIG_Z_FETCH_OBJ_P(object)->ptr != &hawser_unmade; }

// Classes that can be made go into the namespace, without SWIG's magic methods, which let go of handles and take any argument for
// a string. The others are SWIG's own (one for each type of pointer, another for all functions), and are not registered: their
// entries are written to, but read by nobody.
static zend_class_entry *hawser_register(zend_class_entry *entry) {
  static zend_class_entry nobody;
  static const char *const magic[] = {"__get", "__set", "__isset"};
  const zend_function_entry *methods = entry->info.internal.builtin_functions;
  if (!methods || strcmp(methods->fname, "__construct") != 0) return &nobody;

  char name[64];
  snprintf(name, sizeof name, HAWSER_NAMESPACE "\\%s", ZSTR_VAL(entry->name));
  INIT_CLASS_ENTRY_EX((*entry), name, strlen(name), methods);
  zend_class_entry *class = zend_register_internal_class(entry);
  for (int i = 0; i < 3; i++) zend_hash_str_del(&class->function_table, magic[i], strlen(magic[i]));
  class->__get = class->__set = class->__isset = NULL;
  class->ce_flags |= ZEND_ACC_NOT_SERIALIZABLE;
  return class;
}

static int hawser_take_options(uint32_t position, zval *argument, zend_class_entry *class, Options **options) {
  if (Z_TYPE_P(argument) == IS_NULL) return 1;
  if (Z_TYPE_P(argument) != IS_OBJECT || !instanceof_function(Z_OBJCE_P(argument), class))
    return hawser_refuse(position, argument, "?Hawser\\Options");
  *options = (Options *)SWIG_Z_FETCH_OBJ_P(argument)->ptr;
  if (hawser_is_made(argument)) return 1;
  zend_argument_value_error(position, "must be constructed");
  return 0;
}

#define SWIG_Php_do_create_object hawser_create_object
#define zend_register_internal_class hawser_register
#define zend_do_implement_interface(class, interface) (void)(class)  // SWIG\wrapped, by which SWIG_ConvertPtr knows its own
#undef SWIG_GetModule
#undef SWIG_SetModule
#define SWIG_GetModule(module_number) NULL  // no constant swig_runtime_data_type_pointer: shares no types with other extensions
#define SWIG_SetModule(module_number, module) (void)0
#undef PHP_FE
#define PHP_FE(name, arguments) ZEND_NS_FE(HAWSER_NAMESPACE, name, arguments)
#undef NO_VERSION_YET
#define NO_VERSION_YET ZEND_TOSTR(HAWSER_VERSION)
%}

%init %{
  hawser_declare_exception();
  hawser_declare_event();
  REGISTER_NS_LONG_CONSTANT(HAWSER_NAMESPACE, "FINAL", HWS_FINAL, CONST_PERSISTENT);
%}

%ignore HWS_FINAL;  // a keyword, for SWIG; in a namespace it may be a name
%typemap(consttab) int "REGISTER_NS_LONG_CONSTANT(HAWSER_NAMESPACE, \"$symname\", $value, CONST_PERSISTENT);"
%typemap(classconsttab) int ""

%define HAWSER_IN(Kind, take, Type)
%typemap(in, phptype = Kind) Type "$1 = 0; if (!take(HAWSER_POSITION($input), &$input, &$1)) SWIG_fail;"
%enddef
// 0 first: compilers do not see that none is used that was not taken.
HAWSER_IN("int", hawser_take_int32, int32_t)
HAWSER_IN("int", hawser_take_int, int64_t)
HAWSER_IN("bool", hawser_take_bool, int32_t final)
%typemap(in, phptype = "string") const char *
  "if (!hawser_take_text(HAWSER_POSITION($input), &$input, (const char **)&$1)) SWIG_fail;"
%typemap(in, phptype = "?string") const char *subprotocol, const char *reason
  "if (Z_TYPE($input) != IS_NULL && !hawser_take_text(HAWSER_POSITION($input), &$input, (const char **)&$1)) SWIG_fail;"
%typemap(in, phptype = "string") (const void *DATA, size_t SIZE)
  "$2 = 0; if (!hawser_take_payload(HAWSER_POSITION($input), &$input, (const void **)&$1, &$2)) SWIG_fail;"
%typemap(in, phptype = "?Hawser\\Options") Options *
  "if (!hawser_take_options(HAWSER_POSITION($input), &$input, SWIG_Php_ce_Options, &$1)) SWIG_fail;"

%typemap(out, phptype = "string") const char *hws_version, const char *hws_error_name, const char *hws_error_text
  "RETVAL_STRING($1);"
%typemap(out, phptype = "int") int64_t "RETVAL_LONG($1);"
%typemap(out, phptype = "void") Result "if ($1 < 0) hawser_throw($1, hawser_words(arg1, $1));"
%typemap(out, phptype = "void") Wordless "if ($1 < 0) hawser_throw($1, hws_error_text($1));"
%typemap(out, phptype = "int") Count {
  if ($1 < 0)
    hawser_throw($1, hawser_words(arg1, $1));
  else
    RETVAL_LONG($1);
}
%typemap(out, phptype = "array") Batch {
  if ($1.count < 0)
    hawser_throw($1.count, hawser_words(arg1, $1.count));
  else
    hawser_list(return_value, $1);
}

// Out of memory, or of descriptors.
%define HAWSER_MAKES_ONE
  if (hawser_is_made(ZEND_THIS)) {
    zend_throw_error(NULL, "the object was constructed already");
    SWIG_fail;
  }
  $action
  if (!result) {
    hawser_throw(HWS_ERR_NO_MEMORY, hws_error_text(HWS_ERR_NO_MEMORY));
    SWIG_fail;
  }
%enddef
%exception Manager::Manager { HAWSER_MAKES_ONE }
%exception Options::Options { HAWSER_MAKES_ONE }

// In parts. One that ends early, without an event, was woken or interrupted.
%exception Manager::poll {
  int64_t began, deadline = arg2 < 0 ? -1 : hawser_now() + arg2;
  do {
    began = hawser_now();
    if (arg2 >= -1) arg2 = hawser_part(deadline);
    $action
  } while (result.count == 0 && arg2 > 0 && hawser_now() - began >= arg2);
}
