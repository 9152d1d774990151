// Sends three texts to an echo server, and prints what comes back.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"hawser.org/hawser"
)

func main() {
	ctx := context.Background()
	conn, err := hawser.Dial(ctx, os.Args[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"one", "two", "three"} {
		if err := conn.WriteMessage(ctx, hawser.Text, []byte(text)); err != nil {
			log.Fatal(err)
		}
		_, data, err := conn.ReadMessage(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(data))
	}
	conn.Close(1000, "")
	<-conn.Done()
}
