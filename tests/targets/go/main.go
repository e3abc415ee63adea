// Go's net/http.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
)

func delay() {
	ms, err := strconv.Atoi(os.Getenv("DELAY_MS"))
	if err != nil {
		ms = 10
	}
	time.Sleep(time.Duration(ms) * time.Millisecond)
}

func main() {
	http.HandleFunc("/exec", func(w http.ResponseWriter, r *http.Request) {
		nonce := r.URL.Query().Get("nonce")
		delay()
		out, err := exec.Command("sh", "-c", "id", nonce).Output()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "%s\n%s", nonce, out)
	})
	http.HandleFunc("/harmless", func(w http.ResponseWriter, r *http.Request) {
		delay()
		fmt.Fprintln(w, r.URL.Query().Get("nonce"))
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
