/* A client in a GLib main loop, as those of GTK programs are: glib_client ws://127.0.0.1:9001/ */
#include <glib.h>

#include "client.h"

struct source { /* GLib's, and what we add to it */
  GSource source;
  gpointer tag;
  GMainLoop *loop;
  struct client client;
};

/* The loop is about to wait. */
static gboolean prepare(GSource *source, gint *timeout) {
  client_flush(&((struct source *)source)->client);
  *timeout = -1;
  return FALSE;
}

static gboolean check(GSource *source) {
  return g_source_query_unix_fd(source, ((struct source *)source)->tag) != 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data) {
  struct source *ours = (struct source *)source;
  (void)callback;
  (void)data;
  client_attend(&ours->client);
  if (ours->client.over) g_main_loop_quit(ours->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean tick(gpointer client) {
  client_tick(client);
  return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv) {
  static GSourceFuncs functions = {.prepare = prepare, .check = check, .dispatch = dispatch};
  struct source *source = (struct source *)g_source_new(&functions, sizeof *source);
  int fd = client_open(&source->client, argc > 1 ? argv[1] : "ws://127.0.0.1:9001/");
  if (fd < 0) return 1;
  source->loop = g_main_loop_new(NULL, FALSE);
  source->tag = g_source_add_unix_fd(&source->source, fd, G_IO_IN);
  g_source_attach(&source->source, NULL);
  g_timeout_add(100, tick, &source->client);
  g_main_loop_run(source->loop);

  g_source_destroy(&source->source);
  int status = client_close(&source->client);
  g_main_loop_unref(source->loop);
  g_source_unref(&source->source);
  return status;
}
