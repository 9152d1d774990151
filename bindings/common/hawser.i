// The API of all bindings that SWIG makes. A language's module includes first its typemaps (python.i, java.i ...), then this
// file. What a language has to say there is listed in docs/languages/adding-a-language.md.

%include <stdint.i>

// Names without prefix: hws_error_name is error_name, HWS_EVENT_OPEN is EVENT_OPEN. The classes take what is theirs.
%rename("%(strip:[hws_])s", %$isfunction, %$not %$ismember) "";
%rename("%(strip:[HWS_])s", %$isenumitem) "";
%rename("$ignore", regexmatch$name="^hws_(manager|options|session)_", %$isfunction) "";
%rename("$ignore", regexmatch$name="^hws_", %$isclass) "";
%ignore HWS_API;
%ignore HWS_CLIENT;  // of the session, which is C's
%ignore HWS_SERVER;

// What SWIG need not know of the header: the visibility of its functions, and sizes of this machine.
#define HWS_API
typedef int64_t hws_id;
typedef int32_t hws_result;

%apply (const void *DATA, size_t SIZE) { (const void *data, size_t size), (const void *body, size_t size) };
%include <hawser.h>

// Constructors answer NULL when there is no memory, or no descriptor.
%nodefaultctor;
%nodefaultdtor;

typedef struct Options {
  %extend {
    /** A set of named values for a manager, a listener, a connection or an answer: see docs/reference/options.md. */
    Options() {
      Options *options = (Options *)calloc(1, sizeof *options);
      if (options && (options->handle = hws_options_new())) return options;
      free(options);
      return NULL;
    }
    ~Options() {
      hws_options_free($self->handle);
      free($self);
    }
  }
} Options;

typedef struct Manager {
  %extend {
    /** A manager with these defaults for all its connections. */
    Manager(Options *options = NULL) {
      Manager *manager = (Manager *)calloc(1, sizeof *manager);
      if (manager && (manager->handle = hws_manager_new(hawser_options(options)))) return manager;
      free(manager);
      return NULL;
    }
    ~Manager() {
      hws_manager_free($self->handle);
      free($self);
    }

    /** Ends every connection and listener, without events and without Close frames. From then on all calls fail with
     * HWS_ERR_ARGUMENT. HWS_ERR_BUSY: another thread is inside a call. */
    Wordless free() {
      if ($self->inside > 0) return HWS_ERR_BUSY;
      hws_manager_free($self->handle);
      $self->handle = NULL;
      return HWS_OK;
    }

    /** Sends what is queued, and waits up to timeout_ms milliseconds (-1: for ever, 0: not at all) for events. Returns
     * the list of them, which is the caller's: empty when the time is up, on a wake and when a signal came. HWS_ERR_BUSY:
     * another thread is inside poll; _SYSTEM, _NO_MEMORY. */
    Batch poll(int32_t timeout_ms) {
      Batch batch = {$self->handle, 0};
      batch.count = hws_manager_poll($self->handle, timeout_ms);
      return batch;
    }
  }
} Manager;

%include "methods.i"
