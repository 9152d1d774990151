// Perl: strings of characters for text, of bytes for all else; whatever a call dislikes is a Hawser::Error. Managers may be shared
// by ithreads. Compiled with -noproxy: lib/Hawser/Raw.pm makes the classes.

%include "handles.i"
%include "concurrent.i"

%{
#undef SWIG_Error  // SWIG's own complaints, about the number and the types of arguments
#define SWIG_Error(code, words) hawser_set_error(aTHX_ HWS_ERR_ARGUMENT, hawser_text(aTHX_ words))

// ---- text and errors --------------------------------------------------------------------------------------------------

// A peer's head may be anything: what is not UTF-8 stays as it is, each byte a character.
static SV *hawser_text(pTHX_ const char *text) {
  if (!text) return &PL_sv_undef;
  SV *sv = sv_2mortal(newSVpv(text, 0));
  sv_utf8_decode(sv);
  return sv;
}

// In $@, from where `goto fail` throws it when the arguments were released.
static void hawser_set_error(pTHX_ int64_t code, SV *words) {
  dSP;
  ENTER;
  SAVETMPS;
  PUSHMARK(SP);
  EXTEND(SP, 3);
  PUSHs(sv_2mortal(newSVpvs("Hawser::Error")));
  PUSHs(sv_2mortal(newSViv((IV)code)));
  PUSHs(words);
  PUTBACK;
  call_method("new", G_SCALAR);
  SPAGAIN;
  SV *error = SvREFCNT_inc(POPs);
  PUTBACK;
  FREETMPS;
  LEAVE;
  sv_setsv(ERRSV, sv_2mortal(error));
}

// ---- objects ----------------------------------------------------------------------------------------------------------

// A manager belongs to all threads that have a copy of its object.
typedef struct {
  Manager manager;
  int32_t references;
  pid_t process;
} hawser_shared;

static int hawser_drop_manager(pTHX_ SV *sv, MAGIC *magic) {
  hawser_shared *shared = (hawser_shared *)magic->mg_ptr;
  PERL_UNUSED_CONTEXT;
  PERL_UNUSED_ARG(sv);
  if (__atomic_sub_fetch(&shared->references, 1, __ATOMIC_ACQ_REL) > 0) return 0;
  hawser_close(&shared->manager);
  free(shared);
  return 0;
}

static int hawser_copy_manager(pTHX_ MAGIC *magic, CLONE_PARAMS *parameters) {
  PERL_UNUSED_CONTEXT;
  PERL_UNUSED_ARG(parameters);
  __atomic_add_fetch(&((hawser_shared *)magic->mg_ptr)->references, 1, __ATOMIC_RELAXED);
  return 0;
}

static int hawser_drop_options(pTHX_ SV *sv, MAGIC *magic) {
  PERL_UNUSED_CONTEXT;
  PERL_UNUSED_ARG(sv);
  hws_options_free(((Options *)magic->mg_ptr)->handle);
  free(magic->mg_ptr);
  return 0;
}

// Their addresses say whose magic it is, which Perl code can neither forge nor see.
static const MGVTBL hawser_manager = {NULL, NULL, NULL, NULL, hawser_drop_manager, NULL, hawser_copy_manager, NULL};
static const MGVTBL hawser_options_kind = {NULL, NULL, NULL, NULL, hawser_drop_options, NULL, NULL, NULL};

static SV *hawser_object(pTHX_ void *pointer, const MGVTBL *kind, const char *name) {
  SV *referent = newSV(0);
  SV *object = sv_2mortal(newRV_noinc(referent));
  MAGIC *magic = sv_magicext(referent, NULL, PERL_MAGIC_ext, kind, (char *)pointer, 0);
  if (kind->svt_dup) magic->mg_flags |= MGf_DUP;
  return sv_bless(object, gv_stashpv(name, GV_ADD));
}

// NULL: it is something else. Valid until the end of the statement, whatever happens to the variable that had it.
static void *hawser_pointer(pTHX_ SV *object, const MGVTBL *kind) {
  SvGETMAGIC(object);
  if (!SvROK(object) || SvTYPE(SvRV(object)) < SVt_PVMG) return NULL;  // the lesser types have no room for magic
  MAGIC *magic = mg_findext(SvRV(object), PERL_MAGIC_ext, kind);
  if (!magic) return NULL;
  sv_2mortal(SvREFCNT_inc_simple_NN(SvRV(object)));
  return magic->mg_ptr;
}

// 0: $@ is set.
static int hawser_may_enter(pTHX_ Manager *manager, const char *method) {
  hws_result code = hawser_enter(manager, hawser_is_for_any_thread(method));
  const char *words = code == HWS_ERR_ARGUMENT ? "the manager was freed" : hws_error_text(code);
  if (code < 0) hawser_set_error(aTHX_ code, hawser_text(aTHX_ words));
  return code == HWS_OK;
}

// ---- arguments --------------------------------------------------------------------------------------------------------

// The value of a variable, read once if it is tied; the caller's own is never changed.
static SV *hawser_plain(pTHX_ SV *sv) { return SvGMAGICAL(sv) ? sv_2mortal(newSVsv(sv)) : sv; }

// An integer that needs no rounding, also in digits.
static int hawser_as_integer(pTHX_ SV *sv, int64_t *integer) {
  UV digits;
  sv = hawser_plain(aTHX_ sv);
  if (SvIOK(sv)) {
    *integer = SvIVX(sv);
    return !SvIsUV(sv) || SvUVX(sv) <= (UV)IV_MAX;
  }
  int kind = SvPOK(sv) ? grok_number(SvPVX(sv), SvCUR(sv), &digits) : 0;
  if ((kind & ~IS_NUMBER_NEG) == IS_NUMBER_IN_UV) {
    int is_negative = kind & IS_NUMBER_NEG;
    *integer = (int64_t)(is_negative ? 0 - digits : digits);
    return digits <= (UV)IV_MAX + !!is_negative;
  }
  if (SvROK(sv) || !looks_like_number(sv)) return 0;
  NV number = SvNV(sv_2mortal(newSVsv(sv)));
  if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0)) return 0;
  *integer = (int64_t)number;
  return (NV)*integer == number;
}

static int hawser_as_int32(pTHX_ SV *sv, int32_t *integer) {
  int64_t wide;
  if (!hawser_as_integer(aTHX_ sv, &wide)) return 0;
  *integer = (int32_t)wide;
  return wide == *integer;
}

// The string of a scalar, or of an object that has one; NULL: it has none. A copy, where Perl code may still run and change the
// caller's: when an argument is still to be read.
static SV *hawser_as_string(pTHX_ SV *sv, int is_last) {
  if (is_last && SvPOK(sv) && !SvGMAGICAL(sv)) return sv;
  sv = sv_2mortal(newSVsv(sv));
  if (!SvOK(sv) || (SvROK(sv) && !SvAMAGIC(sv))) return NULL;
  SV *string = sv_newmortal();
  sv_copypv(string, sv);
  return string;
}

// Valid until the end of the statement. NULL: a character above 255 is no byte.
static const char *hawser_bytes(pTHX_ SV *string, STRLEN *size) {
  if (SvUTF8(string)) string = sv_2mortal(newSVsv(string));
  return sv_utf8_downgrade(string, TRUE) ? SvPV(string, *size) : NULL;
}

static const char *hawser_utf8(pTHX_ SV *string, STRLEN *size) {
  const char *data = SvPV(string, *size);
  if (SvUTF8(string) || is_ascii_string((const U8 *)data, *size)) return data;
  string = sv_2mortal(newSVsv(string));
  return SvPVutf8(string, *size);
}

// 0: $@ is set.
static int hawser_take_payload(pTHX_ SV *sv, int is_last, int is_characters, const void **data, size_t *size) {
  STRLEN length = 0;
  SV *string = hawser_as_string(aTHX_ sv, is_last);
  *data = !string ? NULL : is_characters ? hawser_utf8(aTHX_ string, &length) : hawser_bytes(aTHX_ string, &length);
  *size = length;
  if (!*data) SWIG_Error(0, string ? "Wide character in what has to be bytes" : "a payload is a string");
  return *data != NULL;
}

// undef is NULL. 0: $@ is set.
static int hawser_take_text(pTHX_ SV *sv, const char **text) {
  STRLEN size = 0;
  sv = hawser_plain(aTHX_ sv);
  *text = NULL;
  if (!SvOK(sv)) return 1;
  SV *string = hawser_as_string(aTHX_ sv, 0);
  *text = string ? hawser_utf8(aTHX_ string, &size) : NULL;
  if (*text && strlen(*text) == size) return 1;
  SWIG_Error(0, string ? "a text with a NUL in it" : "a text is a string");
  return 0;
}

// A whole text is characters; parts, which may be cut inside one, are bytes.
static inline int hawser_is_characters(const char *method, int32_t opcode) {
  return (opcode & ~HWS_UNCOMPRESSED) == HWS_TEXT && strcmp(method, "Manager_send_part") != 0;
}
enum { is_characters = 0 };  // where no opcode comes before the payload

// ---- events -----------------------------------------------------------------------------------------------------------

static SV *hawser_event_data(pTHX_ const hws_event *event) {
  SV *data = newSVpvn(event->size ? (const char *)event->data : "", (STRLEN)event->size);
  if (hawser_is_text(event)) sv_utf8_decode(data);
  return data;
}

// Makes nothing that could run Perl code: the batch stays as it is.
static SV *hawser_event(pTHX_ hws_manager *manager, int32_t index) {
  const hws_event *from = hws_manager_event(manager, index);
  HV *event = newHV();
  SV *object = sv_2mortal(newRV_noinc((SV *)event));
#define HAWSER_SET(name) (void)hv_stores(event, #name, newSViv((IV)from->name));
  HAWSER_EVENT_NUMBERS(HAWSER_SET)
  (void)hv_stores(event, "data", hawser_event_data(aTHX_ from));
  if (from->kind == HWS_EVENT_CLOSE)
    (void)hv_stores(event, "text", SvREFCNT_inc(hawser_text(aTHX_ hws_manager_event_text(manager, index))));
  return sv_bless(object, gv_stashpvs("Hawser::Event", GV_ADD));
}
%}

%typemap(constcode) int "newCONSTSUB(gv_stashpvs(\"Hawser\", GV_ADD), \"$symname\", newSViv($value));"

// Perl code may run while arguments are read (tied variables, objects with a string) and when an error is made, and may free the
// manager. Between `check` and hawser_out none does: so nobody waits for himself.
%typemap(in) struct Manager *self (int inside = 0) {
  $1 = (Manager *)hawser_pointer(aTHX_ $input, &hawser_manager);
  if (!$1) SWIG_exception_fail(SWIG_TypeError, "$symname needs a manager");
}
%typemap(in) struct Options *self (int inside = 0) {
  $1 = (Options *)hawser_pointer(aTHX_ $input, &hawser_options_kind);
  if (!$1) SWIG_exception_fail(SWIG_TypeError, "$symname needs options");
}
%typemap(in) Options *options, Options *headers {
  $1 = (Options *)hawser_pointer(aTHX_ $input, &hawser_options_kind);
  if (!$1 && SvOK($input)) SWIG_exception_fail(SWIG_TypeError, "$symname: these are no options");
}
%typemap(check) struct Manager *self {
  if (strcmp("$symname", "Manager_free") != 0) {  // which waits until all have left
    if (!hawser_may_enter(aTHX_ $1, "$symname")) SWIG_fail;
    inside$argnum = 1;
  }
}
%define HAWSER_LEAVE
  if (inside1) hawser_leave((Manager *)arg1, hawser_is_for_any_thread("$symname"));
  inside1 = 0;
%enddef
%typemap(freearg) struct Manager *self { HAWSER_LEAVE }

%define HAWSER_FAIL(code, words)
  SV *said = hawser_text(aTHX_ words);
  HAWSER_LEAVE
  hawser_set_error(aTHX_ code, said);
  SWIG_fail;
%enddef

%define HAWSER_INTEGER(convert, words)
  if (!convert(aTHX_ $input, &$1)) SWIG_exception_fail(SWIG_TypeError, "$symname: $1_name is no " words);
%enddef
%typemap(in) int64_t { HAWSER_INTEGER(hawser_as_integer, "integer of 64 bits") }
%typemap(in) int32_t { HAWSER_INTEGER(hawser_as_int32, "integer of 32 bits") }
%typemap(in, noblock=1) int32_t opcode {
  HAWSER_INTEGER(hawser_as_int32, "integer of 32 bits")
  const int is_characters = hawser_is_characters("$symname", $1);
}
%typemap(in) int32_t final "$1 = SvTRUE($input);"

%typemap(in) (const void *DATA, size_t SIZE) {
  if (!hawser_take_payload(aTHX_ $input, items == $argnum, is_characters, (const void **)&$1, &$2)) SWIG_fail;
}
%typemap(freearg) (const void *DATA, size_t SIZE) ""
%typemap(in) const char * "if (!hawser_take_text(aTHX_ $input, (const char **)&$1)) SWIG_fail;"
%typemap(freearg) const char * ""

%typemap(out) const char * "$result = hawser_text(aTHX_ $1); argvi++;"
%typemap(out) int32_t, int64_t "$result = sv_2mortal(newSViv((IV)$1)); argvi++;"
%typemap(out) Result { if ($1 < 0) { HAWSER_FAIL($1, hawser_words(arg1, $1)) } }
%typemap(out) Wordless { if ($1 < 0) { HAWSER_FAIL($1, hws_error_text($1)) } }
%typemap(out) Count {
  if ($1 < 0) { HAWSER_FAIL($1, hawser_words(arg1, $1)) }
  $result = sv_2mortal(newSViv((IV)$1));
  argvi++;
}

// What is sent may bring a signal about at once: it must not come between Perl's last look and the wait.
%exception Manager::poll {
  if (arg2 != 0) hws_manager_flush(arg1->handle);
  if (PL_sig_pending) arg2 = 0;
  $action
}
// A list; where a scalar is wanted, how many they were.
%typemap(out) Batch {
  if ($1.count < 0) { HAWSER_FAIL($1.count, hawser_words(arg1, $1.count)) }
  if (GIMME_V == G_SCALAR) {
    $result = sv_2mortal(newSViv($1.count));
    argvi++;
  } else if (GIMME_V == G_ARRAY) {
    EXTEND(sp, $1.count);
    for (int32_t i = 0; i < $1.count; i++, argvi++) $result = hawser_event(aTHX_ $1.manager, i);
  }
}
// A signal that came ended the wait: its handler runs now, may use the manager, and may die.
%typemap(ret) Batch "if ($1.count == 0) PERL_ASYNC_CHECK();"

%typemap(out) Manager *, struct Manager * "$result = hawser_object(aTHX_ $1, &hawser_manager, \"Hawser::Manager\"); argvi++;"
%typemap(out) Options *, struct Options * "$result = hawser_object(aTHX_ $1, &hawser_options_kind, \"Hawser::Options\"); argvi++;"

// Out of memory, or of descriptors.
%define HAWSER_NEEDS_MEMORY
  if (!result) {
    hawser_set_error(aTHX_ HWS_ERR_NO_MEMORY, hawser_text(aTHX_ hws_error_text(HWS_ERR_NO_MEMORY)));
    SWIG_fail;
  }
%enddef
%exception Options::Options {
  $action
  HAWSER_NEEDS_MEMORY
}
%exception Manager::Manager {
  $action
  HAWSER_NEEDS_MEMORY
  void *shared = realloc(result, sizeof(hawser_shared));
  result = (Manager *)shared;
  ((hawser_shared *)shared)->references = 1;
  ((hawser_shared *)shared)->process = getpid();
}
%ignore Manager::~Manager;  // their magic frees them
%ignore Options::~Options;
%exception Manager::free {
  if (((hawser_shared *)arg1)->process != getpid()) arg1->inside &= HAWSER_CLOSED;  // fork left the threads behind that were inside
  hawser_close(arg1);
  result = HWS_OK;
}
