// Echo server and client of github.com/gorilla/websocket: `gorilla` alone is the server, and prints its port; `gorilla URL
// AGENT` runs all cases of a fuzzing server.
package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

const maxBytes = 16 * 1024 * 1024

func echo(connection *websocket.Conn) {
	defer connection.Close()
	connection.SetReadLimit(maxBytes)
	for {
		kind, message, err := connection.ReadMessage()
		// Its documentation leaves this to the application.
		if kind == websocket.TextMessage && !utf8.Valid(message) {
			body := websocket.FormatCloseMessage(websocket.CloseInvalidFramePayloadData, "")
			connection.WriteControl(websocket.CloseMessage, body, time.Time{})
			return
		}
		if err != nil || connection.WriteMessage(kind, message) != nil {
			return
		}
	}
}

func serve() {
	upgrader := websocket.Upgrader{EnableCompression: true, CheckOrigin: func(*http.Request) bool { return true }}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		connection, err := upgrader.Upgrade(answer, request, nil)
		if err == nil {
			echo(connection)
		}
	})))
}

func dial(address string) *websocket.Conn {
	dialer := websocket.Dialer{EnableCompression: true}
	connection, _, err := dialer.Dial(address, nil)
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
	_, answer, err := ask.ReadMessage()
	if err != nil {
		panic(err)
	}
	count, _ := strconv.Atoi(string(answer))
	ask.Close()
	for number := 1; number <= count; number++ {
		if connection := dial(fmt.Sprintf("%s/runCase?case=%d&%s", base, number, who)); connection != nil {
			echo(connection)
		}
	}
	if connection := dial(base + "/updateReports?" + who); connection != nil {
		connection.ReadMessage()
	}
}
