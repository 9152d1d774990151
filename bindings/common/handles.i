// What the typemaps of every language work on; included at their top.

// SWIG shares the types of all its modules in a process, by their names: somebody else's class Options would be taken for ours.
%begin %{
#define SWIG_TYPE_TABLE hawser
%}

%{
#include <hawser.h>
#include <stdint.h>

// A manager or options that the language owns. `handle` is NULL once it was freed: hawser.h answers that with an error.
typedef struct Manager {
  hws_manager *handle;
  int32_t inside;  // calls that let other threads of the language run meanwhile: it can't be freed now
} Manager;

typedef struct Options {
  hws_options *handle;
} Options;

// See `describe`.
typedef hws_result Result;
typedef int64_t Count;
typedef hws_result Wordless;

// What poll found: the typemap makes the language's list of it, and copies all that is in it.
typedef struct Batch {
  hws_manager *manager;
  hws_result count;
} Batch;

// The numbers of an event, by their names: what a language sets in the object that it makes of one. The other two fields are `data`,
// a text or bytes, and `text`, from hws_manager_event_text: of a CLOSE alone.
#define HAWSER_EVENT_NUMBERS(SET) \
  SET(kind) SET(opcode) SET(connection) SET(listener) SET(tag) SET(code) SET(error) SET(system) SET(flags)

// Whether `data` is text: a whole text message, or the reason of a CLOSE. Parts may be cut inside a character.
static inline int hawser_is_text(const hws_event *event) {
  int whole = event->opcode == HWS_TEXT && (event->flags & HWS_FIRST) && (event->flags & HWS_FINAL);
  return whole || event->kind == HWS_EVENT_CLOSE;
}

static hws_options *hawser_options(Options *options) { return options ? options->handle : NULL; }

// What an exception says: the words about the failed call, where there are any, else a sentence about the code.
static const char *hawser_words(Manager *manager, int64_t code) {
  const char *words = manager && code != HWS_ERR_BUSY ? hws_manager_last_error(manager->handle) : NULL;
  return words && *words ? words : hws_error_text((hws_result)code);
}
%}
