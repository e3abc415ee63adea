// Go's net/http, answering every path with a short page; /count tells how many requests there were, that one left out.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
)

func main() {
	var count atomic.Int64
	page := strings.Repeat("x", 612)
	http.HandleFunc("/count", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, count.Load()) })
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		count.Add(1)
		fmt.Fprint(w, page)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
