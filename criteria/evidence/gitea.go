package evidence

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// gitea reads one JSON document of answers of Gitea's API, each as it came,
// about the commits from one release to the next:
//
//	exported_at         when, RFC 3339
//	version             GET /version
//	repository          GET /repos/{owner}/{repo}
//	branch_protections  GET …/branch_protections
//	base, head          the two commits; base "" or absent: from the beginning
//	commits             GET …/git/commits/{sha}?files=true of every commit that
//	                    GET …/compare/{base}...{head} lists
//	commit_pulls        {sha: number of GET …/commits/{sha}/pull, or null}
//	pulls               [{pull, reviews, commits, files}]: GET …/pulls/{number}
//	                    and all pages of its lists
//	collaborators       [{login, permission}]: GET …/collaborators/{login}/permission
//	                    of everybody who may write and everybody who reviewed
//	behind              {sha: GET …/compare/{base}...{sha}} of parents that are
//	                    neither in commits nor base; optional
//	tags                GET …/tags, all pages; optional
//
// It is about the head commit. Who pushed a revision is not in these answers:
// its committer stands for that.
type gitea struct{}

var _ criteria.Format = gitea{}

func (gitea) Name() string { return "gitea" }

func (gitea) Gives() []criteria.Fact {
	return []criteria.Fact{criteria.FactChanges, criteria.FactTags}
}

type giteaExport struct {
	ExportedAt time.Time `json:"exported_at"`
	Version    struct {
		Version string `json:"version"`
	} `json:"version"`
	Repository  giteaRepository `json:"repository"`
	Protections []struct {
		Rule string `json:"rule_name"`
	} `json:"branch_protections"`
	Base          string          `json:"base"`
	Head          string          `json:"head"`
	Commits       []giteaCommit   `json:"commits"`
	CommitPulls   map[string]*int `json:"commit_pulls"`
	Pulls         []giteaPull     `json:"pulls"`
	Collaborators []struct {
		Login      string `json:"login"`
		Permission string `json:"permission"`
		Answer     struct {
			User *giteaUser `json:"user"`
		} `json:"answer"`
	} `json:"collaborators"`
	Behind map[string]struct {
		Total *int `json:"total_commits"`
	} `json:"behind"`
	Tags *[]struct {
		Name   string `json:"name"`
		ID     string `json:"id"`
		Commit struct {
			SHA string `json:"sha"`
		} `json:"commit"`
	} `json:"tags"`
}

type giteaRepository struct {
	FullName      string     `json:"full_name"`
	DefaultBranch string     `json:"default_branch"`
	Owner         *giteaUser `json:"owner"`
}

type giteaUser struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Email string `json:"email"`
}

type giteaCommit struct {
	SHA    string `json:"sha"`
	Commit struct {
		Author    giteaSignature `json:"author"`
		Committer giteaSignature `json:"committer"`
		Message   string         `json:"message"`
	} `json:"commit"`
	Author    *giteaUser `json:"author"`
	Committer *giteaUser `json:"committer"`
	Parents   []struct {
		SHA string `json:"sha"`
	} `json:"parents"`
	// Files is nil where the commit was asked for without them.
	Files []struct {
		Filename string `json:"filename"`
	} `json:"files"`
}

type giteaSignature struct {
	Email string    `json:"email"`
	Date  time.Time `json:"date"`
}

type giteaPull struct {
	Pull struct {
		Number       int        `json:"number"`
		URL          string     `json:"html_url"`
		Title        string     `json:"title"`
		User         *giteaUser `json:"user"`
		Merged       bool       `json:"merged"`
		MergedAt     *time.Time `json:"merged_at"`
		MergedBy     *giteaUser `json:"merged_by"`
		Merge        *string    `json:"merge_commit_sha"`
		MergeBase    string     `json:"merge_base"`
		ChangedFiles *int       `json:"changed_files"`
		Base         struct {
			Ref string `json:"ref"`
		} `json:"base"`
		Head struct {
			SHA string `json:"sha"`
		} `json:"head"`
	} `json:"pull"`
	Reviews []giteaReview `json:"reviews"`
	Commits []giteaCommit `json:"commits"`
	Files   []struct {
		Filename string `json:"filename"`
		Previous string `json:"previous_filename"`
	} `json:"files"`
}

type giteaReview struct {
	User      *giteaUser `json:"user"`
	State     string     `json:"state"`
	Commit    string     `json:"commit_id"`
	Stale     bool       `json:"stale"`
	Official  bool       `json:"official"`
	Dismissed bool       `json:"dismissed"`
	Submitted time.Time  `json:"submitted_at"`
}

func (gitea) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var e giteaExport
	if err := strict.JSON(data, &e); err != nil {
		return criteria.Facts{}, err
	}
	switch {
	case e.Repository.FullName == "" || e.Head == "":
		return criteria.Facts{}, errors.New("is no export of a Gitea repository: expected repository, head, commits and pulls")
	case e.ExportedAt.IsZero():
		return criteria.Facts{}, errors.New("does not say when it was made: expected exported_at")
	case e.Commits == nil || e.Pulls == nil || e.CommitPulls == nil || e.Collaborators == nil:
		return criteria.Facts{}, errors.New("lacks a part: expected commits, commit_pulls, pulls and collaborators")
	}
	x := giteaReader{people: make(map[string]criteria.Person), logins: make(map[string]string)}
	x.meet(e)
	changes, err := x.changes(e)
	if err != nil {
		return criteria.Facts{}, err
	}
	facts := criteria.Facts{
		Subjects: []criteria.Digest{changes.Head},
		Time:     e.ExportedAt,
		Tool:     criteria.Tool{Name: "Gitea", Version: e.Version.Version},
		Changes:  changes,
	}
	if e.Tags != nil {
		facts.Tags = &criteria.Tags{Items: []criteria.Tag{}}
		seen := make(map[string]bool)
		for _, t := range *e.Tags {
			if t.Name == "" || seen[t.Name] {
				return criteria.Facts{}, fmt.Errorf("tag %q stands twice or has no name", t.Name)
			}
			seen[t.Name] = true
			tag := criteria.Tag{Name: t.Name}
			if tag.Commit, err = giteaDigest("a tag's commit", t.Commit.SHA); err != nil {
				return criteria.Facts{}, err
			}
			object, err := giteaDigest("a tag", t.ID)
			if err != nil {
				return criteria.Facts{}, err
			}
			// A lightweight tag has no object of its own.
			if !object.Matches(tag.Commit) {
				tag.Object = object
			}
			facts.Tags.Items = append(facts.Tags.Items, tag)
		}
	}
	return facts, nil
}

// giteaReader knows the accounts that an export mentions.
type giteaReader struct {
	people map[string]criteria.Person // by lower-case login
	logins map[string]string          // by lower-case e-mail address
}

// meet collects every account and its addresses, so that an address in a commit
// message is the same person as the account that reviews. An address that two
// accounts have stands for neither.
func (x giteaReader) meet(e giteaExport) {
	taken := make(map[string]bool)
	account := func(u *giteaUser, addresses ...string) {
		if u == nil || u.Login == "" {
			return
		}
		key := strings.ToLower(u.Login)
		p := x.people[key]
		p.Login = u.Login
		// Gitea numbers its built-in accounts, the ghost and its actions, below
		// zero; it marks no others as machines.
		p.Bot = p.Bot || u.ID < 0
		x.people[key] = p
		for _, a := range append(addresses, u.Email) {
			a = strings.ToLower(strings.TrimSpace(a))
			if have, ok := x.logins[a]; a == "" || taken[a] || ok && !strings.EqualFold(have, u.Login) {
				taken[a] = a != ""
				delete(x.logins, a)
				continue
			}
			x.logins[a] = u.Login
		}
	}
	commits := func(list []giteaCommit) {
		for _, c := range list {
			account(c.Author, c.Commit.Author.Email)
			account(c.Committer, c.Commit.Committer.Email)
		}
	}
	account(e.Repository.Owner)
	commits(e.Commits)
	for _, p := range e.Pulls {
		account(p.Pull.User)
		account(p.Pull.MergedBy)
		commits(p.Commits)
		for _, r := range p.Reviews {
			account(r.User)
		}
	}
	for _, c := range e.Collaborators {
		account(c.Answer.User)
		account(&giteaUser{Login: c.Login})
		key := strings.ToLower(c.Login)
		p := x.people[key]
		p.Permission = c.Permission
		x.people[key] = p
	}
}

func (x giteaReader) changes(e giteaExport) (*criteria.Changes, error) {
	c := &criteria.Changes{Complete: true, Branch: protectedBranch(e)}
	incomplete := func(format string, args ...any) {
		if c.Complete {
			c.Complete, c.Why = false, fmt.Sprintf(format, args...)
		}
	}
	var err error
	if c.Head, err = giteaDigest("head", e.Head); err != nil {
		return nil, err
	}
	if e.Base != "" {
		if c.Base, err = giteaDigest("base", e.Base); err != nil {
			return nil, err
		}
	}
	rng := commitRange{
		base: c.Base, head: c.Head,
		behind:    make(map[criteria.Digest]bool),
		onBranch:  make(map[criteria.Digest]bool),
		revisions: make(map[criteria.Digest]bool),
	}
	for _, sha := range slices.Sorted(maps.Keys(e.Behind)) {
		d, err := giteaDigest("behind", sha)
		if err != nil {
			return nil, err
		}
		// Nothing in sha that base lacks: sha is an ancestor of base.
		if total := e.Behind[sha].Total; total != nil && *total == 0 {
			rng.behind[d] = true
		}
	}

	numbers := make(map[int]bool)
	for _, p := range e.Pulls {
		q, whole, err := x.request(p)
		if err != nil {
			return nil, fmt.Errorf("reading pull request #%d: %w", p.Pull.Number, err)
		}
		if numbers[q.Number] {
			return nil, fmt.Errorf("pull request #%d stands twice", q.Number)
		}
		numbers[q.Number] = true
		if whole != "" {
			incomplete("pull request #%d: %s", q.Number, whole)
		}
		for _, rc := range q.Commits {
			rng.revisions[rc.ID] = true
		}
		if d, err := criteria.ParseDigest("gitCommit:" + p.Pull.MergeBase); err == nil && q.Merged {
			rng.onBranch[d] = true
		}
		c.Requests = append(c.Requests, q)
	}

	seen := make(map[criteria.Digest]bool)
	for _, gc := range e.Commits {
		rc, err := x.revision(gc)
		if err != nil {
			return nil, err
		}
		if seen[rc.ID] {
			return nil, fmt.Errorf("commit %s stands twice", gc.SHA)
		}
		seen[rc.ID] = true
		if gc.Files == nil {
			incomplete("commit %s was exported without its files", rc.ID.Short())
		}
		number, asked := e.CommitPulls[gc.SHA]
		switch {
		case !asked:
			incomplete("the export does not say which pull request commit %s came in by", rc.ID.Short())
		case number != nil && !numbers[*number]:
			incomplete("pull request #%d, by which commit %s came in, is missing", *number, rc.ID.Short())
		}
		one := criteria.Commit{
			ID: rc.ID, Parents: rc.Parents, Author: rc.Author, Committer: rc.Committer,
			CoAuthors: rc.CoAuthors, Time: rc.Time, Subject: rc.Subject, Files: rc.Files,
		}
		if number != nil {
			one.Request = *number
		}
		c.Commits = append(c.Commits, one)
	}
	rng.commits = c.Commits
	if why := rng.hole(); why != "" {
		incomplete("%s", why)
	}
	for _, p := range x.people {
		c.People = append(c.People, p)
	}
	sort.Slice(c.People, func(i, j int) bool { return c.People[i].Login < c.People[j].Login })
	return c, nil
}

// request reads one pull request; whole says what of it is missing.
func (x giteaReader) request(p giteaPull) (q criteria.ChangeRequest, whole string, err error) {
	q = criteria.ChangeRequest{
		Number: p.Pull.Number, URL: p.Pull.URL, Title: p.Pull.Title,
		Author: x.who(p.Pull.User, ""), Base: p.Pull.Base.Ref,
		Merged: p.Pull.Merged, MergedBy: x.who(p.Pull.MergedBy, ""),
	}
	if q.Number <= 0 || q.Base == "" {
		return q, "", errors.New("expected a pull request with number and base")
	}
	if q.Head, err = giteaDigest("its head", p.Pull.Head.SHA); err != nil {
		return q, "", err
	}
	if q.Merged {
		if p.Pull.Merge == nil || p.Pull.MergedAt == nil {
			return q, "", errors.New("is merged, but says neither when nor as which commit")
		}
		if q.Merge, err = giteaDigest("its merge commit", *p.Pull.Merge); err != nil {
			return q, "", err
		}
		q.MergedAt = p.Pull.MergedAt.UTC()
	}
	for _, gc := range p.Commits {
		rc, err := x.revision(gc)
		if err != nil {
			return q, "", err
		}
		if gc.Files == nil {
			whole = fmt.Sprintf("revision %s was exported without its files", rc.ID.Short())
		}
		q.Commits = append(q.Commits, rc)
	}
	slices.Reverse(q.Commits) // Gitea lists the newest first
	for _, f := range p.Files {
		q.Files = append(q.Files, f.Filename)
		if f.Previous != "" && f.Previous != f.Filename {
			q.Files = append(q.Files, f.Previous)
		}
	}
	for _, r := range p.Reviews {
		if r.State == "REQUEST_REVIEW" {
			continue // asked for, not given
		}
		one := criteria.Review{
			By: x.who(r.User, ""), State: r.State, Time: r.Submitted.UTC(),
			Dismissed: r.Dismissed, Stale: r.Stale, Unofficial: !r.Official,
		}
		switch r.State {
		case "REQUEST_CHANGES":
			one.State = "CHANGES_REQUESTED"
		case "COMMENT":
			one.State = "COMMENTED"
		}
		if r.Commit != "" {
			if one.Commit, err = giteaDigest("a review's commit", r.Commit); err != nil {
				return q, "", err
			}
		}
		q.Reviews = append(q.Reviews, one)
	}
	if p.Commits == nil || p.Reviews == nil || p.Files == nil {
		whole = "it was exported without its commits, reviews or files"
	} else if p.Pull.ChangedFiles != nil && *p.Pull.ChangedFiles != len(p.Files) {
		whole = fmt.Sprintf("it changes %d files, and %d are in the export", *p.Pull.ChangedFiles, len(p.Files))
	} else if lacks := missingRevision(q, p.Pull.MergeBase); lacks != "" {
		whole = lacks
	}
	return q, whole, nil
}

// missingRevision says what shows that a list of a request's commits was cut:
// its head must be there, and one of its ends must lie at the merge base.
func missingRevision(q criteria.ChangeRequest, mergeBase string) string {
	ids := make(map[criteria.Digest]bool)
	for _, rc := range q.Commits {
		ids[rc.ID] = true
	}
	if !ids[q.Head] {
		return fmt.Sprintf("its head %s is not among its commits", q.Head.Short())
	}
	for _, rc := range q.Commits {
		for _, p := range rc.Parents {
			if p.Hex() == mergeBase {
				return ""
			}
		}
	}
	return "its commits do not lead back to where it left the branch"
}

func (x giteaReader) revision(gc giteaCommit) (criteria.RequestCommit, error) {
	var rc criteria.RequestCommit
	var err error
	if rc.ID, err = giteaDigest("a commit", gc.SHA); err != nil {
		return rc, err
	}
	for _, p := range gc.Parents {
		d, err := giteaDigest("a parent of "+gc.SHA, p.SHA)
		if err != nil {
			return rc, err
		}
		rc.Parents = append(rc.Parents, d)
	}
	rc.Author = x.who(gc.Author, gc.Commit.Author.Email)
	rc.Committer = x.who(gc.Committer, gc.Commit.Committer.Email)
	rc.Time = gc.Commit.Author.Date.UTC()
	rc.Subject, _, _ = strings.Cut(gc.Commit.Message, "\n")
	rc.Subject = strings.TrimSpace(rc.Subject)
	for _, m := range coAuthor.FindAllStringSubmatch(gc.Commit.Message, -1) {
		rc.CoAuthors = append(rc.CoAuthors, x.who(nil, m[1]))
	}
	rc.CoAuthors = unique(rc.CoAuthors)
	for _, f := range gc.Files {
		rc.Files = append(rc.Files, f.Filename)
	}
	slices.Sort(rc.Files)
	return rc, nil
}

// coAuthor is a trailer as forges write and read it. Anybody can write one, so
// it only ever takes a voice away.
var coAuthor = regexp.MustCompile(`(?im)^co-authored-by:[^<\n]*<([^>\n]*)>[ \t\r]*$`)

// who returns the login of u, or of the account with that address, or else the
// address.
func (x giteaReader) who(u *giteaUser, address string) string {
	if u != nil && u.Login != "" {
		return u.Login
	}
	address = strings.TrimSpace(address)
	if login, ok := x.logins[strings.ToLower(address)]; ok {
		return login
	}
	return address
}

// protectedBranch is the default branch where a protection rule covers it, and
// otherwise none: changes into a branch that anybody may push to prove nothing.
func protectedBranch(e giteaExport) string {
	for _, p := range e.Protections {
		if p.Rule == e.Repository.DefaultBranch {
			return p.Rule
		}
		if ok, err := path.Match(p.Rule, e.Repository.DefaultBranch); err == nil && ok {
			return e.Repository.DefaultBranch
		}
	}
	return ""
}

func giteaDigest(what, sha string) (criteria.Digest, error) {
	d, err := criteria.ParseDigest("gitCommit:" + sha)
	if err != nil {
		return d, fmt.Errorf("%s: %w", what, err)
	}
	return d, nil
}
