package detection

import (
	"slices"

	"iam_session_exporter/internal/session"
)

// The severities of alerts, lowest first.
const (
	Info     = "info"
	Warning  = "warning"
	Critical = "critical"
)

// Severities lists the severities, lowest first.
func Severities() []string { return []string{Info, Warning, Critical} }

func higher(a, b string) string {
	all := Severities()
	if slices.Index(all, b) > slices.Index(all, a) {
		return b
	}
	return a
}

// Storm is the alert that stands for those that are held back.
const Storm = "IAMAlertStorm"

// StormSummary is the sentence of that alert.
const StormSummary = "More alerts of one detection than max_alerts are firing; the rest is held back"

// Detection is what is looked for in snapshots, and how it is explained.
type Detection struct {
	Key     string        // in the configuration, and of the label "detection"
	Alert   string        // name of the alert and of its runbook
	Summary string        // a fixed sentence; names nobody
	Needs   session.Facts // without them it sees nothing

	// Keys are those that only it and its like have; CommonKeys come before them.
	Keys       []Key
	General    Values // defaults
	Privileged Values // defaults for privileged users; what is not given is as for others

	// For people.
	Sees           string
	Blind          string // what it can't see
	FalsePositives string
	Technique      string // of MITRE ATT&CK
	Control        string // of frameworks

	looks    look
	services bool                                       // it looks at service accounts, too
	given    func(*Tuning) bool                         // what has to be configured for it to be on; nil: nothing
	levels   bool                                       // its severities are its levels
	find     func(*view)                                // of one user; nil: find addresses
	places   func(*judge, *active, func(*variant, hit)) // of the snapshot
	tells    func(f *facts) string                      // what follows the user in a description
	apart    func(*session.Snapshot) bool               // whether a snapshot that is not complete lists all that it looks at; nil: no
}

// All lists the detections.
func All() []Detection {
	return []Detection{
		loginAfterFailures(),
		concurrentSessions(),
		concurrentNetworks(),
		unexpectedNetwork(),
		unexpectedIdentityStore(),
		breakGlass(),
		impersonation(),
		impersonationLong(),
		sessionAge(),
		dormantAccount(),
		offHours(),
		sharedAddress(),
	}
}

// Find returns the detection with a key.
func Find(key string) (Detection, bool) {
	all := All()
	i := slices.IndexFunc(all, func(d Detection) bool { return d.Key == key })
	if i < 0 {
		return Detection{}, false
	}
	return all[i], true
}

// Names lists the detections' keys.
func Names() []string {
	var names []string
	for _, d := range All() {
		names = append(names, d.Key)
	}
	return names
}

// look says which of a user's sessions a detection looks at.
type look uint8

const (
	lookAlive         look = iota // active or idle
	lookAliveOrRecent             // and those created a short time ago
	lookActive                    // active
	lookSettled                   // active for a while
)
