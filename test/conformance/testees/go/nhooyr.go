// Echo server and client of nhooyr.io/websocket: `nhooyr` alone is the server, and prints its port; `nhooyr URL AGENT` runs all
// cases of a fuzzing server.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"nhooyr.io/websocket"
)

const maxBytes = 16*1024*1024 + 1

var background = context.Background()

func echo(connection *websocket.Conn) {
	defer connection.Close(websocket.StatusInternalError, "")
	connection.SetReadLimit(maxBytes)
	for {
		kind, message, err := connection.Read(background)
		if err != nil || connection.Write(background, kind, message) != nil {
			return
		}
	}
}

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		options := websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover}
		connection, err := websocket.Accept(answer, request, &options)
		if err == nil {
			echo(connection)
		}
	})))
}

func dial(address string) *websocket.Conn {
	options := websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover}
	connection, _, err := websocket.Dial(background, address, &options)
	if err != nil {
		return nil
	}
	return connection
}

func main() {
	if len(os.Args) < 3 {
		serve()
	}
	base, who := os.Args[1], "agent="+url.QueryEscape(os.Args[2])
	ask := dial(base + "/getCaseCount")
	_, reader, err := ask.Reader(background)
	if err != nil {
		panic(err)
	}
	answer, _ := io.ReadAll(reader)
	count, _ := strconv.Atoi(string(answer))
	ask.Close(websocket.StatusNormalClosure, "")
	for number := 1; number <= count; number++ {
		if connection := dial(fmt.Sprintf("%s/runCase?case=%d&%s", base, number, who)); connection != nil {
			echo(connection)
		}
	}
	if connection := dial(base + "/updateReports?" + who); connection != nil {
		connection.Reader(background)
	}
}
