package endtoend

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Callers who begin a request and never end it, or who make no other, must not keep the exporter from
// answering others for long, even where it may open few files. It takes as long as the exporter
// waits for them.
func TestIdleCallersDoNotKeepOthersOut(t *testing.T) {
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
		head := [...]string{
			"POST /-/healthy HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n", // no body comes
			"GET /-/healthy HTTP/1.1\r\nHost: h\r\n",                           // no end
			"GET /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n",                       // no other request
		}
		if _, err := fmt.Fprint(c, head[i%len(head)]); err != nil {
			break
		}
	}
	p.client.Timeout = time.Second
	p.until("it answers again", func() bool { code, _ := p.get("/-/healthy"); return code == 200 })
}
