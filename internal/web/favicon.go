package web

import (
	_ "embed"
	"net/http"
)

//go:embed favicon.svg
var faviconSVG []byte

func favicon(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "max-age=86400")
	_, _ = w.Write(faviconSVG) // a caller who left is no failure
}
