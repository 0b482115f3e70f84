package oam

import (
	"io"
	"net/http"

	"iam_session_exporter/internal/simulator/wire"
)

// NoMatchForm is the answer to a search that nothing matches.
type NoMatchForm int

const (
	NoMatchTotal        NoMatchForm = iota // as any answer, with a total of 0
	NoMatch204                             // 204
	NoMatchNothing                         // 200 with no body
	NoMatchNull                            // null
	NoMatchObject                          // {}
	NoMatchNullSessions                    // {"sessions":null}
	NoMatchEmptyList                       // {"sessions":{"sessionData":[]}}
)

func (f NoMatchForm) write(w http.ResponseWriter) {
	if f == NoMatch204 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", wire.JSON)
	io.WriteString(w, map[NoMatchForm]string{
		NoMatchNull:         "null",
		NoMatchObject:       "{}",
		NoMatchNullSessions: `{"sessions":null}`,
		NoMatchEmptyList:    `{"sessions":{"sessionData":[]}}`,
	}[f])
}
