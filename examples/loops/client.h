/* The client that the programs of this folder run, each in another loop. It knows nothing of the loop. */
#ifndef CLIENT_H
#define CLIENT_H

#include <hawser.h>

#ifdef __cplusplus
extern "C" {
#endif

struct client {
  hws_manager *manager;
  hws_id id;
  int ticks, echoes;
  int over, clean;
};

/* Connects. Returns the descriptor that the loop has to watch; negative when there is none, after words about it. */
int client_open(struct client *client, const char *url);

/* The descriptor is readable. Returns how many events there were; client->over is set when the connection has ended. */
int client_attend(struct client *client);

/* Comes before each wait of the loop: the option "outer_flush" says that it will. */
void client_flush(struct client *client);

/* Something that has nothing to do with the connection: the loop's own timer, each tenth of a second. */
void client_tick(struct client *client);

/* Returns the exit status of the program. */
int client_close(struct client *client);

#ifdef __cplusplus
}
#endif

#endif
