package oam

import (
	"errors"
	"net/http"
	"testing"

	"iam_session_exporter/internal/session"
)

func TestForms(t *testing.T) {
	const refused = 255
	for body, want := range map[string]form{
		"":                        formEmptyBody,
		" \r\n":                   formEmptyBody,
		"\xEF\xBB\xBF":            formEmptyBody,
		"null":                    formNull,
		" null\n":                 formNull,
		"{}":                      formEmptyObject,
		`{"SessionResults":{}}`:   formEmptyObject,
		`{"SessionResults":null}`: formEmptyObject,
		`{"SessionResults":""}`:   formEmptyObject,
		`<SessionResults/>`:       formEmptyObject,
		`<?xml version="1.0"?><SessionResults> </SessionResults>`: formEmptyObject,
		`{"firstLink":null}`:                                              formNoSessions,
		`{"totalRecords":null,"nextLink":"x"}`:                            formNoSessions,
		`<SessionResults><totalRecords/></SessionResults>`:                formNoSessions,
		`{"sessions":null}`:                                               formNullSessions,
		`{"sessions":[]}`:                                                 formNullSessions,
		`{"sessions":{}}`:                                                 formNullSessions,
		`{"sessions":""}`:                                                 formNullSessions,
		`{"sessions":{"sessionData":[]},"firstLink":null}`:                formNullSessions,
		`{"totalRecords":"","sessions":null}`:                             formNullSessions,
		`<SessionResults><sessions/></SessionResults>`:                    formNullSessions,
		`{"totalRecords":0}`:                                              formListing,
		`{"totalRecords":0,"sessions":null}`:                              formListing,
		`<SessionResults><totalRecords>0</totalRecords></SessionResults>`: formListing,
		`{"error":"x"}`:                                                   refused,
		`{"error":null}`:                                                  refused,
		`{"sessions":null,"message":"x"}`:                                 refused,
		`{"sessions":[{"userId":"a"}]}`:                                   refused,
		`{"sessions":"x"}`:                                                refused,
		`{"SessionResults":"x"}`:                                          refused,
		`nul`:                                                             refused,
		`[]`:                                                              refused,
		`{`:                                                               refused,
		`<SessionResults>x</SessionResults>`:                              refused,
		`<SessionResults><sessions>`:                                      refused,
		`<?xml version="1.0"?>`:                                           refused,
		`<SessionResults><sessions><sessionData/><message>x</message></sessions></SessionResults>`: refused,
	} {
		got, err := decode([]byte(body), "", "")
		if want == refused && err == nil || want != refused && (err != nil || got.form != want) {
			t.Errorf("%s: form %d, %v, want %d", body, got.form, err, want)
		}
		if got.rows != nil || got.total != 0 {
			t.Errorf("%s: got %d of %d, want nothing", body, len(got.rows), got.total)
		}
	}
}

func TestAFormThatSaysNothingIsAnError(t *testing.T) {
	for _, body := range []string{"", "null", "{}", `{"firstLink":null}`, `{"sessions":null}`} {
		srv, _ := server(t, func(w http.ResponseWriter) { w.Write([]byte(body)) })
		_, err := source(t, srv.URL, nil).Snapshot(t.Context(), session.Want{})
		if r, ok := session.ReasonOf(err); !ok || r != session.ReasonDecode {
			t.Errorf("%q: got %v, want reason %q", body, err, session.ReasonDecode)
		}
		if f, ok := errors.AsType[form](err); !ok || f == formListing {
			t.Errorf("%q: got %v, want its form", body, err)
		}
	}
}
