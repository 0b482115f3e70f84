package intersight

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

const benchSessions = 5000

// BenchmarkDecode reports what one session costs to decode: at most 12
// allocations and 700 bytes.
func BenchmarkDecode(b *testing.B) {
	var pages [][]byte
	all := rows(benchSessions)
	for i := 0; i < len(all); i += pageSize {
		pages = append(pages, []byte(list(benchSessions, true, all[i:i+pageSize])))
	}
	h := session.NewHasher()
	total := 0
	for _, p := range pages {
		total += len(p)
	}
	b.SetBytes(int64(total))
	b.ReportAllocs()
	for b.Loop() {
		l, d := &listing{steady: true}, newRowDecoder(h)
		for _, body := range pages {
			p, err := decodePage("", body, httpclient.MaxBody, "iam.Session.List")
			if err != nil {
				b.Fatal(err)
			}
			if err := l.add(&fetched{page: p, skip: l.end, date: noon}, d); err != nil {
				b.Fatal(err)
			}
		}
		if len(l.sessions) != benchSessions {
			b.Fatalf("%v; want %v", len(l.sessions), benchSessions)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSessions, "ns/session")
}

// TestDecodingIsCheap holds the decoder to its budget.
func TestDecodingIsCheap(t *testing.T) {
	r := testing.Benchmark(BenchmarkDecode)
	if a, n := float64(r.AllocsPerOp())/benchSessions, float64(r.AllocedBytesPerOp())/benchSessions; a > 12 || n > 700 {
		t.Errorf("%.1f allocations and %.0f bytes a session; want at most 12, at most 700", a, n)
	}
}

// plainSession is what a bare client decodes a row into.
type plainSession struct {
	Moid, Status, Role, UserIdOrEmail, ClientIpAddress                 string
	CreateTime, EndTime, Expiration, IdleTimeExpiration, LastLoginTime time.Time
	FailedLogins                                                       int64
	User                                                               struct{ Moid string }
}

// BenchmarkRefresh is a whole refresh beside a bare client's fetch of the same
// pages: it should take at most 1.5 times as long, and at most a tenth more once
// users are known.
func BenchmarkRefresh(b *testing.B) {
	all := rows(benchSessions)
	var skips []int
	bodies := map[string]string{}
	for skip := 0; ; skip += pageSize - 1 {
		end := min(skip+pageSize, benchSessions)
		skips = append(skips, skip)
		bodies[fmt.Sprint(skip)] = list(benchSessions, true, all[skip:end])
		if end == benchSessions {
			break
		}
	}
	var known []string
	for i := range pageSize - 1 {
		known = append(known, user(i, ref("Idp", "okta")))
	}
	users := fmt.Sprintf(`{"Count":%d,"Results":[%s]}`, len(known), strings.Join(known, ","))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case limitsPath:
			io.WriteString(w, accountLimitsJSON)
			return
		case usersPath:
			io.WriteString(w, users)
			return
		case idpsPath, refsPath:
			io.WriteString(w, `{"Count":1,"Results":[{"Moid":"okta","Name":"Okta"}]}`)
			return
		}
		io.WriteString(w, bodies[r.URL.Query().Get("$skip")])
	}))
	b.Cleanup(srv.Close)
	key := writeFile(b, "key.pem", v3())
	for name, change := range map[string]func(*Config){"source": func(*Config) {}, "users known": withProviders} {
		b.Run(name, func(b *testing.B) {
			s := newBench(b, srv.URL, withKey(key), change)
			b.ReportAllocs()
			for b.Loop() {
				snap, err := s.Snapshot(context.Background(), session.Want{})
				if err != nil || len(snap.Sessions) != benchSessions || !snap.Complete || storesListed(snap) != s.cfg.IdentityProviders {
					b.Fatalf("%v, %v; want %v", len(snap.Sessions), err, benchSessions)
				}
			}
		})
	}
	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			for _, skip := range skips {
				res, err := client.Get(srv.URL + sessionsPath + "?" + query{properties: sessionProperties(), skip: skip}.encode())
				if err != nil {
					b.Fatal(err)
				}
				var page struct {
					Count   int
					Results []plainSession
				}
				err = json.NewDecoder(res.Body).Decode(&page)
				res.Body.Close()
				if err != nil {
					b.Fatal(err)
				}
				n += len(page.Results)
			}
			if n < benchSessions {
				b.Fatalf("%v; want at least %v", n, benchSessions)
			}
		}
	})
}
