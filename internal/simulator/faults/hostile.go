package faults

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/intersight"
	"iam_session_exporter/internal/simulator/wire"
)

// Hostile is an API that answers whatever it is asked with as much as it can:
// rows of sessions that nobody has seen before, and long texts in them. It knows
// no filters, pages or credentials. Its answers are made as they are sent, so
// that they cost the server nothing.
type Hostile struct {
	API   session.API
	Rows  int  // of an answer
	Text  int  // bytes of each text
	Names bool // another name, of users, roles, stores and addresses, in each row
	Total int  // sessions that there are said to be; default Rows

	row   atomic.Uint64
	sent  atomic.Int64
	asked atomic.Int64
}

// Asked is the number of requests; Sent that of bytes sent in answer.
func (h *Hostile) Asked() int { return int(h.asked.Load()) }

// Sent is the number of bytes of all answers.
func (h *Hostile) Sent() int64 { return h.sent.Load() }

func (h *Hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.asked.Add(1)
	io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20))
	w.Header().Set("Content-Type", wire.JSON)
	out := bufio.NewWriterSize(&counting{w, &h.sent}, 64<<10)
	defer out.Flush()
	total := cmp.Or(max(h.Total, 0), h.Rows)
	end := "]}"
	if h.API == session.OAM {
		fmt.Fprintf(out, `{"totalRecords":%d,"sessions":{"sessionData":[`, total)
		end = "]}}"
	} else if r.URL.Path == intersight.PathSessions {
		fmt.Fprintf(out, `{"ObjectType":"iam.Session.List","Count":%d,"Results":[`, total)
	} else {
		io.WriteString(out, `{"Results":[]}`)
		return
	}
	padding := strings.Repeat("x", h.Text)
	for n := range h.Rows {
		if n > 0 {
			out.WriteByte(',')
		}
		if err := h.write(out, padding); err != nil {
			return
		}
	}
	io.WriteString(out, end)
}

func (h *Hostile) write(out *bufio.Writer, padding string) error {
	n := h.row.Add(1)
	name := "same"
	address := "192.0.2.1"
	if h.Names {
		name = strconv.FormatUint(n, 36)
		address = fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
	}
	var err error
	if h.API == session.OAM {
		_, err = fmt.Fprintf(out, `{"sessionId":"%x|%s","createTime":"2026-03-01T09:00:00.000Z","lastAccessTime":"2026-03-02T09:00:00.000Z",`+
			`"expiryTime":"2036-03-02T09:00:00.000Z","userId":"u%s%s","clientIp":"%s","idStoreName":"s%s%s","isImpersonating":false}`,
			n, padding, name, padding, address, name, padding)
	} else {
		_, err = fmt.Fprintf(out, `{"Moid":"%024x","CreateTime":"2026-03-01T09:00:00Z","Status":"Active","Role":"r%s%s","UserIdOrEmail":"u%s%s",`+
			`"ClientIpAddress":"%s","User":{"Moid":"%024x%s"},"Expiration":"2036-03-02T09:00:00Z","LastLoginClient":"%s"}`,
			n, name, padding, name, padding, address, n, padding, padding)
	}
	return err
}

// counting counts the bytes written.
type counting struct {
	to   io.Writer
	sent *atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.sent.Add(int64(n))
	return n, err
}
