// Echoes all messages.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"hawser.org/hawser"
)

func echo(conn *hawser.Conn) {
	for ctx := context.Background(); ; {
		opcode, data, err := conn.ReadMessage(ctx)
		if err != nil {
			return
		}
		if err = conn.WriteMessage(ctx, opcode, data); err != nil {
			return
		}
	}
}

func main() {
	listener, err := hawser.Listen(append(os.Args, "ws://127.0.0.1:9001/")[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.URL())
	log.Fatal(listener.Serve(echo))
}
