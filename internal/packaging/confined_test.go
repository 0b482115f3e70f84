//go:build image

package packaging

import (
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The configuration of the example Deployment starts with files as Kubernetes
// makes them.
func (e *engine) kubernetes(t *testing.T) {
	m := load(t)
	dir := m.volume(t, func(name string) string { return secret(t, name) })
	own(t, dir)
	c := m.stateful.Spec.Template.Spec.Containers[0]
	mount := []string{"--volume", dir + ":" + c.VolumeMounts[0].MountPath + ":ro"}
	// No network: its sources are not asked.
	if r := e.once(t, append(mount, "--network", "none"), "check-config", c.VolumeMounts[0].MountPath+"/"+programName+".yml"); r.code != 0 {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	e.serve(t, append(mount, "--publish", "127.0.0.1::10987"), "", c.Args...).stop(t)
}

// The program needs no system call, no socket and no memory that the unit denies.
func (e *engine) systemd(t *testing.T) {
	filter := func(deny ...string) []string {
		return append(demo(), "--security-opt", "seccomp="+write(t, seccomp(t, deny...), t.TempDir(), "seccomp.json"))
	}
	c := e.serve(t, filter(), "", "--demo")
	if n := up(c.metrics(t)); n != 2 {
		t.Errorf("%d sources are up", n)
	}
	must(t, e.podman("healthcheck", "run", c.id)...)
	c.stop(t)

	// The filter is in force: without one of the calls it needs, it can't serve.
	if r := e.once(t, filter("listen"), "--demo"); r.code != 1 || !strings.Contains(r.all, "listen: operation not permitted") {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
}

// seccomp is the unit's SystemCallFilter, RestrictAddressFamilies and
// MemoryDenyWriteExecute as a container's profile.
func seccomp(t *testing.T, deny ...string) string {
	t.Helper()
	var expand func(name string) []string
	expand = func(name string) []string {
		if !strings.HasPrefix(name, "@") {
			return []string{name}
		}
		var calls []string
		for line := range strings.Lines(must(t, "systemd-analyze", "--no-pager", "syscall-filter", name)) {
			line = strings.TrimSpace(line)
			if line != "" && line != name && !strings.HasPrefix(line, "#") {
				calls = append(calls, expand(line)...)
			}
		}
		return calls
	}
	allowed := make(map[string]bool)
	for _, filter := range directives(t, "SystemCallFilter") {
		list, denied := strings.CutPrefix(filter, "~")
		for _, group := range strings.Fields(list) {
			for _, call := range expand(group) {
				allowed[call] = !denied
			}
		}
	}
	for _, call := range deny {
		allowed[call] = false
	}

	type arg struct {
		Index int    `json:"index"`
		Value uint64 `json:"value"`
		Two   uint64 `json:"valueTwo"`
		Op    string `json:"op"`
	}
	type rule struct {
		Names  []string `json:"names"`
		Action string   `json:"action"`
		Args   []arg    `json:"args,omitempty"`
	}
	const allow = "SCMP_ACT_ALLOW"
	var rules []rule
	for _, family := range strings.Fields(directives(t, "RestrictAddressFamilies")[0]) {
		n, ok := map[string]uint64{"AF_UNIX": syscall.AF_UNIX, "AF_INET": syscall.AF_INET, "AF_INET6": syscall.AF_INET6, "AF_NETLINK": syscall.AF_NETLINK}[family]
		if !ok {
			t.Fatalf("what is %s?", family)
		}
		rules = append(rules, rule{[]string{"socket"}, allow, []arg{{0, n, 0, "SCMP_CMP_EQ"}}})
	}
	if slices.Contains(directives(t, "MemoryDenyWriteExecute"), "yes") {
		rules = append(rules,
			rule{[]string{"mmap"}, allow, []arg{{2, syscall.PROT_EXEC, 0, "SCMP_CMP_MASKED_EQ"}}},
			rule{[]string{"mmap"}, allow, []arg{{2, syscall.PROT_WRITE, 0, "SCMP_CMP_MASKED_EQ"}}},
			rule{[]string{"mprotect", "pkey_mprotect"}, allow, []arg{{2, syscall.PROT_EXEC, 0, "SCMP_CMP_MASKED_EQ"}}})
		delete(allowed, "mmap")
		delete(allowed, "mprotect")
		delete(allowed, "pkey_mprotect")
	}
	delete(allowed, "socket")
	var names []string
	for call, ok := range allowed {
		if ok {
			names = append(names, call)
		}
	}
	if len(names) < 100 {
		t.Fatalf("%d system calls", len(names))
	}
	slices.Sort(names)
	profile, err := json.Marshal(map[string]any{
		"defaultAction":   "SCMP_ACT_ERRNO",
		"defaultErrnoRet": int(syscall.EPERM),
		"syscalls":        append(rules, rule{names, allow, nil}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(profile)
}
