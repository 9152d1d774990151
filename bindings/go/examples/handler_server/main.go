// Echoes all messages, without a goroutine for each connection.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"hawser.org/hawser"
)

func main() {
	listener, err := hawser.Listen(append(os.Args, "ws://127.0.0.1:9001/")[1], &hawser.Config{Handler: &hawser.Handler{
		Message: func(conn *hawser.Conn, opcode hawser.Opcode, data []byte) {
			conn.WriteMessage(context.Background(), opcode, data)
		},
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.URL())
	select {}
}
