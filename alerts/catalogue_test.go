package alerts

import "testing"

// The runbook pages name the comparison that decides.
func TestThresholds(t *testing.T) {
	all, err := Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, a := range all {
		got[a.Name+" "+a.Severity] = a.Threshold
	}
	for name, want := range map[string]string{
		"IAMExporterDown critical": "== 0", "IAMSourceDown critical": "== 0", "IAMSourceStale warning": "> 900",
		"IAMSourceFlapping warning": ">= 6", "IAMSourceIncomplete warning": "> 0.9", "IAMSourceCredentialsRefused critical": "> 0",
		"IAMSourceUntrusted warning": ">= 2", "IAMFailedLoginsBurst warning": ">= 10", "IAMFailedLoginsUnusual warning": ">= 20, and > 3 times as many as before",
		"IAMSessionSurge warning":  ">= 20, and > 3 times as many as before",
		"IAMSessionTooOld warning": "> 86400", "IAMLabelLimitReached info": "", "IAMTerminationBurst warning": ">= 5", "IAMSessionsNone warning": ">= 10",
		"IAMImpersonation info": "> 0", "IAMImpersonationLong warning": "> 0", "IAMLoginAfterFailures warning": ">= 4",
		"IAMIdleTimeoutWeak info": "> 900", "IAMSessionsNearLimit critical": "> 0.95",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}

// They also name how long an alert waits, where that is not its own for.
func TestWaits(t *testing.T) {
	all, err := Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, a := range all {
		got[a.Name+" "+a.Severity] = a.For
	}
	for name, want := range map[string]string{
		"IAMExporterDown critical": "5m", "IAMSessionTooOld warning": "15m", "IAMImpersonationLong warning": "1h",
		"IAMImpersonation info": "", "IAMLoginAfterFailures critical": "", "IAMUsersLocked warning": "",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}
