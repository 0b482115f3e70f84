package endtoend

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Callers who begin a request and never end it must not keep the exporter from
// answering others for long, even where it may open few files.
func TestCallersThatSendNothingLoseTheirConnections(t *testing.T) {
	t.Parallel()
	p := run(t, "http", "--demo")
	few := &unix.Rlimit{Cur: 128, Max: 128}
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, few, nil); err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(p.url, "http://")
	for i := range 125 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			break // no more are accepted: all the better
		}
		defer c.Close()
		head := "POST /-/healthy HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"
		if i%2 == 0 {
			head = "GET /-/healthy HTTP/1.1\r\nHost: h\r\n"
		}
		if _, err := fmt.Fprint(c, head); err != nil {
			break
		}
	}
	p.client.Timeout = time.Second
	p.until("it answers again", func() bool { code, _ := p.get("/-/healthy"); return code == 200 })
}
