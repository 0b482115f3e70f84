package web

import "net/http"

func (h *Handler) status(w http.ResponseWriter, _ *http.Request) {
	text(w, http.StatusOK, "iam_session_exporter\n\nMetrics: "+h.opt.TelemetryPath+"\n"+h.known())
}
