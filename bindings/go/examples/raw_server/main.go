// Echoes all messages, on the raw layer.
package main

import (
	"fmt"
	"log"
	"os"

	"hawser.org/hawser"
)

func main() {
	manager, err := hawser.NewManager(nil)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := manager.Listen(append(os.Args, "ws://127.0.0.1:9001/")[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on ws://%s/\n", manager.LocalAddress(listener))
	for {
		events, err := manager.Poll(-1)
		if err != nil {
			log.Fatal(err)
		}
		for _, event := range events {
			if event.Kind == hawser.EventMessage {
				manager.Send(event.Connection, event.Opcode, event.Data)
			}
		}
	}
}
