package faults

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"iam_session_exporter/internal/simulator/wire"
)

// Gateway answers a status (400, 502, 504) with the page of a reverse proxy,
// which knows nothing of the API.
func Gateway(status int) Effect {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	return Answer(status, "text/html", "<html>\r\n<head><title>"+title+"</title></head>\r\n<body>\r\n<center><h1>"+title+
		"</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n", "Server", "nginx")
}

// MuteRefusal is Intersight's 400 that does not say what is wrong.
func MuteRefusal() Effect {
	return Answer(http.StatusBadRequest, wire.JSON,
		`{"code":"InvalidRequest","message":"The query is invalid.","messageId":"barcelona_request_invalid","traceId":"NB0123456789abcdef01234567"}`)
}

// Echo answers a status and repeats the request, credentials and all, in every
// member of an error, in a header and as a header's name.
func Echo(status int) Effect {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		var said []string
		said = append(said, r.Method+" "+r.RequestURI, string(body))
		for name, values := range r.Header {
			said = append(said, name+": "+strings.Join(values, ", "))
		}
		_, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		all := strings.Join(said, "; ")
		var o wire.Object
		o.Open()
		o.Text("code", credentials)
		o.Text("messageId", credentials)
		o.Text("traceId", credentials)
		o.Text("message", all)
		o.Text("error", all)
		o.Text("error_description", all)
		o.Close()
		h := w.Header()
		h.Set("Content-Type", wire.JSON)
		h.Set("X-Starship-Traceid", oneLine(credentials))
		h.Set("X-Request-Id", oneLine(all))
		w.WriteHeader(status)
		w.Write(o.B)
	}
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
}

// Cached gives the right answer as a cache that keeps it for some time.
func Cached(age time.Duration) Effect {
	return headed(func(h http.Header) { h.Set("Age", strconv.Itoa(int(age/time.Second))) })
}

// DateOff gives the right answer with a Date that is off.
func DateOff(by time.Duration) Effect {
	return headed(func(h http.Header) {
		if t, err := http.ParseTime(h.Get("Date")); err == nil {
			h.Set("Date", t.Add(by).UTC().Format(http.TimeFormat))
		}
	})
}

// Date gives the right answer with any text as its Date.
func Date(text string) Effect { return headed(func(h http.Header) { h.Set("Date", text) }) }

// GiantHeaders adds n bytes of headers to the right answer.
func GiantHeaders(n int) Effect {
	const each = 32 << 10
	return headed(func(h http.Header) {
		for i, left := 0, n; left > 0; i, left = i+1, left-each {
			h.Set(fmt.Sprintf("X-Padding-%d", i), strings.Repeat("x", min(left, each)))
		}
	})
}

// headed changes the headers of the right answer.
func headed(change func(http.Header)) Effect {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(r, next)
		for name, values := range w.Header() { // a Date of Handler
			if a.header[name] == nil {
				a.header[name] = values
			}
		}
		change(a.header)
		a.send(w, a.body.Bytes())
	}
}
