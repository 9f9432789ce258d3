package admission

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// FileName is what the configuration is called in the trust directory.
const FileName = "admission.yaml"

// File is admission.yaml: which trust files decide about which images. Its zero
// value is refused, and what it does not say is answered with a no.
type File struct {
	// Policies say whose images are accepted. Every one that matches an image
	// must accept it; where none matches, Unmatched says what happens.
	Policies []Policy `yaml:"policies"`
	// Unmatched is what happens to an image that no policy matches: deny, warn or
	// allow. Default deny.
	Unmatched Unmatched `yaml:"unmatched"`
	// ExemptNamespaces are namespaces, by their exact names, in which nothing is
	// asked: the cluster's own, that it must be able to start without us.
	ExemptNamespaces []string `yaml:"exemptNamespaces"`
	// Registries says where registries may be.
	Registries Registries `yaml:"registries"`
	// BreakGlass says who may start what is not verified. Default nobody.
	BreakGlass BreakGlass `yaml:"breakGlass"`
}

// Policy is whose word counts about some images.
type Policy struct {
	// Name is what the policy is called in messages and metrics.
	Name string `yaml:"name"`
	// Match says which images the policy is about. Default all.
	Match Match `yaml:"match"`
	// Trust are trust files in the trust directory, as hallmark verify reads them.
	// One of them must accept the image, with every image of an index.
	Trust []string `yaml:"trust"`
	// Mode is what a no means: enforce denies, warn tells whoever asked, audit only
	// records. Default enforce.
	Mode Mode `yaml:"mode"`
	// FailOpen are namespaces, by their exact names, in which an image is accepted
	// where it could not be told whether it is good. One that is refused is
	// refused there, too.
	FailOpen []string `yaml:"failOpen"`
	// Bundles says where the bundles are. Default beside the image, in its
	// registry.
	Bundles Bundles `yaml:"bundles"`
}

// Match chooses images. What it does not name is not asked for.
type Match struct {
	// Namespaces are names of namespaces, in which * stands for any characters.
	Namespaces []string `yaml:"namespaces"`
	// Images are patterns of REGISTRY/REPOSITORY, without tag and digest: * stands
	// for any characters but a slash, ** for any characters.
	Images []string `yaml:"images"`
	// Labels chooses by the labels of the Pod. Whoever writes the Pod writes them:
	// use it to ask for more, never to ask for less.
	Labels Selector `yaml:"labels"`
}

// Selector chooses by labels, as Kubernetes does.
type Selector struct {
	// MatchLabels are labels with their values, all of which must be there.
	MatchLabels map[string]string `yaml:"matchLabels"`
	// MatchExpressions must all be met.
	MatchExpressions []Requirement `yaml:"matchExpressions"`
}

// Requirement is about one label.
type Requirement struct {
	// Key is the label.
	Key string `yaml:"key"`
	// Operator is In, NotIn, Exists or DoesNotExist.
	Operator Operator `yaml:"operator"`
	// Values are those that In and NotIn compare with.
	Values []string `yaml:"values"`
}

// Bundles says where bundles are, if not in the image's registry. One of both,
// and then an image that is named by digest is verified without a network.
type Bundles struct {
	// Folder is a folder with bundles, as hallmark verify --attestations takes it.
	Folder string `yaml:"folder"`
	// Layout is an OCI image layout, as hallmark verify --layout takes it.
	Layout string `yaml:"layout"`
}

// Registries says where registries may be.
type Registries struct {
	// AllowedAddresses are addresses and networks (CIDR) of this cluster to which
	// connections are made. Without one, registries are reached on the Internet
	// alone: not on this machine, not in its networks, not at a cloud's metadata
	// service.
	AllowedAddresses []string `yaml:"allowedAddresses"`
}

// BreakGlass says who may start what is not verified, in an emergency.
type BreakGlass struct {
	// Annotation is the Pod's annotation by which it is asked for; its value says
	// why. Default admission.hallmark-project.dev/break-glass.
	Annotation string `yaml:"annotation"`
	// Groups are those whose members may.
	Groups []string `yaml:"groups"`
	// Controllers are users, such as
	// system:serviceaccount:kube-system:replicaset-controller, that make Pods of
	// what a member has written, and hand the annotation on.
	Controllers []string `yaml:"controllers"`
}

// DefaultAnnotation is the break-glass annotation unless the file names another.
const DefaultAnnotation = "admission.hallmark-project.dev/break-glass"

// Mode is what a no means.
type Mode string

// The modes.
const (
	Enforce Mode = "enforce"
	Warn    Mode = "warn"
	Audit   Mode = "audit"
)

// Modes lists every [Mode].
func Modes() []Mode { return []Mode{Enforce, Warn, Audit} }

// Unmatched is what happens to what no policy matches.
type Unmatched string

// What can happen.
const (
	DenyUnmatched  Unmatched = "deny"
	WarnUnmatched  Unmatched = "warn"
	AllowUnmatched Unmatched = "allow"
)

// AllUnmatched lists every [Unmatched].
func AllUnmatched() []Unmatched { return []Unmatched{DenyUnmatched, WarnUnmatched, AllowUnmatched} }

// Operator compares a label.
type Operator string

// The operators.
const (
	In           Operator = "In"
	NotIn        Operator = "NotIn"
	Exists       Operator = "Exists"
	DoesNotExist Operator = "DoesNotExist"
)

// Operators lists every [Operator].
func Operators() []Operator { return []Operator{In, NotIn, Exists, DoesNotExist} }

// maxPolicies bounds the policies of one file, and the trust files of one of
// them: each may have to be asked about each image.
const (
	maxPolicies = 1000
	maxTrust    = 100
)

// ParseFile reads admission.yaml. Every fault has its line and column.
func ParseFile(name string, data []byte) (*File, error) {
	node, err := strict.Parse(name, data)
	if err != nil {
		return nil, err
	}
	f := new(File)
	if err := strict.Decode(name, node, f); err != nil {
		return nil, err
	}
	var faults strict.Errors
	for _, fault := range f.faults() {
		at := strict.At(node, fault.path...)
		faults = append(faults, &strict.Error{File: name, Line: at.Line, Column: at.Column, Msg: fault.msg})
	}
	if len(faults) > 0 {
		return nil, faults
	}
	if f.Unmatched == "" {
		f.Unmatched = DenyUnmatched
	}
	if f.BreakGlass.Annotation == "" {
		f.BreakGlass.Annotation = DefaultAnnotation
	}
	for i := range f.Policies {
		if f.Policies[i].Mode == "" {
			f.Policies[i].Mode = Enforce
		}
	}
	return f, nil
}

// fault is what is wrong with a file, and at which keys.
type fault struct {
	path []any
	msg  string
}

var (
	policyName    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	namespaceName = policyName
	annotationKey = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
)

func (f *File) faults() []fault {
	var faults []fault
	add := func(path []any, format string, args ...any) {
		faults = append(faults, fault{path, fmt.Sprintf(format, args...)})
	}
	namespaces := func(path []any, names []string) {
		for i, n := range names {
			if !namespaceName.MatchString(n) {
				add(append(slices.Clone(path), i), "%q is no namespace: expected one exact name", n)
			} else if slices.Contains(names[:i], n) {
				add(append(slices.Clone(path), i), "namespace %s stands twice", n)
			}
		}
	}
	if len(f.Policies) == 0 {
		add(nil, "policies is missing: at least one, with the trust files that images are held against")
	}
	if len(f.Policies) > maxPolicies {
		add([]any{"policies"}, "%d policies, expected at most %d", len(f.Policies), maxPolicies)
	}
	if f.Unmatched != "" && !slices.Contains(AllUnmatched(), f.Unmatched) {
		add([]any{"unmatched"}, "%q: expected deny, warn or allow", f.Unmatched)
	}
	namespaces([]any{"exemptNamespaces"}, f.ExemptNamespaces)
	for i, s := range f.Registries.AllowedAddresses {
		if _, err := parsePrefix(s); err != nil {
			add([]any{"registries", "allowedAddresses", i}, "%q: %v", s, err)
		}
	}
	b := f.BreakGlass
	if b.Annotation != "" && (!annotationKey.MatchString(b.Annotation) || len(b.Annotation) > 316) {
		add([]any{"breakGlass", "annotation"}, "%q is no annotation's key", b.Annotation)
	}
	if len(b.Groups) == 0 && (b.Annotation != "" || len(b.Controllers) > 0) {
		add([]any{"breakGlass"}, "groups is missing: whose members may use the annotation")
	}
	for i, g := range b.Groups {
		switch {
		case strings.TrimSpace(g) != g || g == "":
			add([]any{"breakGlass", "groups", i}, "%q is no group: names are compared exactly", g)
		case everybody(g):
			add([]any{"breakGlass", "groups", i}, "everybody is a member of %s, or every Pod: name a group of people", g)
		}
	}
	for i, u := range b.Controllers {
		if !strings.HasPrefix(u, "system:serviceaccount:") {
			add([]any{"breakGlass", "controllers", i}, "%q is no controller: expected system:serviceaccount:NAMESPACE:NAME", u)
		}
	}
	seen := make(map[string]bool)
	for i, p := range f.Policies {
		at := func(keys ...any) []any { return append([]any{"policies", i}, keys...) }
		switch {
		case p.Name == "":
			add(at(), "name is missing: what the policy is called in messages and metrics")
		case !policyName.MatchString(p.Name) || reservedName(p.Name):
			add(at("name"), "%q is no name: expected lower-case letters, digits and hyphens", p.Name)
		case seen[p.Name]:
			add(at("name"), "two policies are called %s", p.Name)
		}
		seen[p.Name] = true
		if p.Mode != "" && !slices.Contains(Modes(), p.Mode) {
			add(at("mode"), "%q is no mode: expected enforce, warn or audit", p.Mode)
		}
		switch {
		case len(p.Trust) == 0:
			add(at(), "trust is missing: the trust files, of which one must accept the image")
		case len(p.Trust) > maxTrust:
			add(at("trust"), "%d trust files, expected at most %d", len(p.Trust), maxTrust)
		}
		for j, t := range p.Trust {
			switch {
			case t == "":
				add(at("trust", j), "expected the name of a file")
			case slices.Contains(p.Trust[:j], t):
				add(at("trust", j), "trust file %s stands twice", t)
			case !filepath.IsAbs(t) && !filepath.IsLocal(t):
				add(at("trust", j), "%q leads out of the trust directory: what is mounted there is replaced as a whole", t)
			}
		}
		namespaces(at("failOpen"), p.FailOpen)
		if p.Bundles.Folder != "" && p.Bundles.Layout != "" {
			add(at("bundles"), "bundles are in a folder or in a layout, not in both")
		}
		for j, n := range p.Match.Namespaces {
			if n == "" || strings.Trim(n, "abcdefghijklmnopqrstuvwxyz0123456789-*") != "" {
				add(at("match", "namespaces", j), "%q: expected a namespace, in which * stands for any characters", n)
			}
		}
		for j, s := range p.Match.Images {
			if _, err := newImagePattern(s); err != nil {
				add(at("match", "images", j), "%q: %v", s, err)
			}
		}
		for j, r := range p.Match.Labels.MatchExpressions {
			valued := r.Operator == In || r.Operator == NotIn
			switch {
			case r.Key == "":
				add(at("match", "labels", "matchExpressions", j), "key is missing: the label")
			case !slices.Contains(Operators(), r.Operator):
				add(at("match", "labels", "matchExpressions", j, "operator"), "%q is no operator: expected In, NotIn, Exists or DoesNotExist", r.Operator)
			case valued && len(r.Values) == 0:
				add(at("match", "labels", "matchExpressions", j), "values is missing: what %s compares with", r.Operator)
			case !valued && len(r.Values) > 0:
				add(at("match", "labels", "matchExpressions", j, "values"), "%s compares with no values", r.Operator)
			}
		}
	}
	return faults
}

// everybody reports whether g is a group that every user, or every Pod, is in.
func everybody(g string) bool {
	return g == "system:authenticated" || g == "system:unauthenticated" || g == "system:serviceaccounts" || strings.HasPrefix(g, "system:serviceaccounts:")
}

// reservedName reports whether a policy's name has a meaning of its own where
// metrics name policies.
func reservedName(name string) bool { return name == "unmatched" || name == "exempt" || name == "none" }

// parsePrefix reads an address or a network.
func parsePrefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		if p != p.Masked() {
			return p, fmt.Errorf("the network is %s", p.Masked())
		}
		return p, nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, errors.New("expected an address, or a network such as 10.0.0.0/8")
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), nil
}
