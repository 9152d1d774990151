package hawser_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hawser.org/hawser"
)

// Libraries of others, which share no code with this one: the package ws of Node.js, and websockets of Python. As a server
// they echo at the port that they print; as a client they send two messages to the URL of their argument, and print them as
// they come back.
var peers = map[string]struct{ program, folder, flag, server, client string }{
	"ws": {"node", "node", "-e", `
		const { WebSocketServer } = require('ws');
		const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, () => console.log(server.address().port));
		server.on('connection', s => s.on('message', (data, binary) => s.send(data, { binary })));`, `
		const { WebSocket } = require('ws');
		const socket = new WebSocket(process.argv[1]);
		socket.on('open', () => { socket.send('Grüße'); socket.send(Buffer.from([0, 255])); });
		socket.on('message', (data, binary) => {
			console.log(binary ? data.toString('hex') : data.toString());
			if (binary) socket.close(4000, 'done');
		});`},
	"websockets": {"python/bin/python", "python", "-c", `
import asyncio, websockets
async def echo(peer):
    async for message in peer: await peer.send(message)
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())`, `
import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1]) as peer:
        await peer.send("Grüße")
        await peer.send(bytes([0, 255]))
        print(await peer.recv())
        print((await peer.recv()).hex())
        await peer.close(4000, "done")
asyncio.run(main())`},
}

func peer(t *testing.T, name, script string, arguments ...string) *exec.Cmd {
	root, peer := folder(t, "HAWSER_PEERS"), peers[name]
	program := peer.program
	if strings.Contains(program, "/") {
		program = filepath.Join(root, program)
	}
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skip(name, "is not there:", err)
	}
	command := exec.Command(path, append([]string{peer.flag, script}, arguments...)...)
	command.Dir, command.Stderr = filepath.Join(root, peer.folder), os.Stderr
	command.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8")
	return command
}

func TestServersOfOthers(t *testing.T) {
	for name := range peers {
		t.Run(name, func(t *testing.T) {
			command := peer(t, name, peers[name].server)
			output, err := command.StdoutPipe()
			must(t, err)
			must(t, command.Start())
			defer func() {
				_ = command.Process.Kill()
				_ = command.Wait()
			}()
			port, err := bufio.NewReader(output).ReadString('\n')
			must(t, err)
			conn := dial(t, "ws://127.0.0.1:"+strings.TrimSpace(port)+"/", nil)
			for _, text := range []string{"Grüße", "", strings.Repeat("⚓", 100000)} {
				write(t, conn, text)
				if back := read(t, conn); back != text {
					t.Errorf("%d bytes came back as %d", len(text), len(back))
				}
			}
			must(t, conn.WriteMessage(background, hawser.Binary, []byte{0, 255}))
			if opcode, data, err := conn.ReadMessage(background); opcode != hawser.Binary || string(data) != "\x00\xff" {
				t.Error(opcode, data, err)
			}
			must(t, conn.Close(1000, "done"))
			if _, _, err := conn.ReadMessage(background); !errors.Is(err, io.EOF) {
				t.Error(err)
			}
		})
	}
}

func TestClientsOfOthers(t *testing.T) {
	for name := range peers {
		t.Run(name, func(t *testing.T) {
			ends := make(chan error, 1)
			listener := serve(t, nil, func(conn *hawser.Conn) {
				echo(conn)
				<-conn.Done()
				ends <- conn.Err()
			})
			output, err := peer(t, name, peers[name].client, listener.URL()).Output()
			must(t, err)
			if string(output) != "Grüße\n00ff\n" {
				t.Errorf("it printed %q", output)
			}
			var end *hawser.CloseError
			if err := <-ends; !errors.As(err, &end) || end.Code != 4000 || end.Reason != "done" || !end.Clean {
				t.Error(err)
			}
		})
	}
}
