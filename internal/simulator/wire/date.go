package wire

import (
	"net/http"
	"time"
)

// JSON is the media type.
const JSON = "application/json"

// SetDate sets the Date header from a simulated clock; net/http would use the
// real one.
func SetDate(w http.ResponseWriter, now time.Time, none bool) {
	if none {
		w.Header()["Date"] = nil
		return
	}
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
}
