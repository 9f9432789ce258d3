package provenance

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// predicateV1 is as much of https://slsa.dev/spec/v1.0/provenance as is read.
type predicateV1 struct {
	BuildDefinition definition `json:"buildDefinition"`
	RunDetails      struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
		Metadata struct {
			InvocationID string    `json:"invocationId"`
			Finished     time.Time `json:"finishedOn"`
		} `json:"metadata"`
	} `json:"runDetails"`
}

type definition struct {
	BuildType    string          `json:"buildType"`
	External     json.RawMessage `json:"externalParameters"`
	Internal     json.RawMessage `json:"internalParameters"`
	Dependencies []resource      `json:"resolvedDependencies"`
}

func parseV1(data []byte) (Provenance, error) {
	var doc predicateV1
	if err := strict.JSON(data, &doc); err != nil {
		return Provenance{}, err
	}
	d := doc.BuildDefinition
	p := Provenance{
		BuilderID: doc.RunDetails.Builder.ID, BuildType: d.BuildType,
		InvocationID: doc.RunDetails.Metadata.InvocationID, Finished: doc.RunDetails.Metadata.Finished,
	}
	rule := ruleFor(d.BuildType)
	if rule == nil {
		return p, nil
	}
	s, workflow, err := rule(d)
	if err != nil {
		return Provenance{}, err
	}
	p.from(s)
	p.Workflow = workflow
	return p, nil
}

// rule finds the source and the workflow in a build definition.
type rule func(definition) (source, string, error)

func ruleFor(buildType string) rule {
	switch buildType {
	case "https://actions.github.io/buildtypes/workflow/v1",
		"https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1":
		return gitHub
	case "https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v0":
		return delegator
	case "https://slsa.dev/container-based-build/v0.1?draft", "https://slsa.dev/container-based-build/v0.1":
		return containerBased
	case "https://tekton.dev/chains/v2/slsa", "https://tekton.dev/chains/v2/slsa-tekton":
		return tekton
	case "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1":
		return cloudBuild
	case "https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1":
		return gitLab
	}
	version, ok := strings.CutPrefix(buildType, "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/")
	version, whole := strings.CutSuffix(version, "/PROVENANCE.md")
	if ok && whole && !strings.Contains(version, "/") {
		return gitLab
	}
	return nil
}

// same adds to s what the dependencies on its repository say, and fails if they
// say something else. needRef is true where a dependency on another ref of it is
// another dependency.
func (d definition) same(s source, needRef bool) (source, error) {
	for _, r := range d.Dependencies {
		repository, ref := Repository(r.URI)
		if repository != s.repository || needRef && ref != s.ref {
			continue
		}
		dep, err := r.source()
		if err != nil {
			return source{}, err
		}
		if s, err = agree("source", s, dep); err != nil {
			return source{}, err
		}
	}
	return s, nil
}

func (d definition) first() (source, error) {
	if len(d.Dependencies) == 0 {
		return source{}, errors.New("names no source: resolvedDependencies is empty")
	}
	return d.Dependencies[0].source()
}

func decode(what string, data json.RawMessage, into any) error {
	if len(data) == 0 {
		return fmt.Errorf("has no %s", what)
	}
	if err := strict.JSON(data, into); err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	return nil
}

func gitHub(d definition) (source, string, error) {
	var external struct {
		Workflow struct {
			Ref        string `json:"ref"`
			Repository string `json:"repository"`
			Path       string `json:"path"`
		} `json:"workflow"`
	}
	if err := decode("externalParameters", d.External, &external); err != nil {
		return source{}, "", err
	}
	w := external.Workflow
	repository, stray := Repository(w.Repository)
	if repository == "" || stray != "" {
		return source{}, "", fmt.Errorf("names no source: externalParameters.workflow.repository is %q", w.Repository)
	}
	s, err := d.same(source{repository: repository, ref: w.Ref}, true)
	return s, w.Path, err
}

// workflowRef is the path in GITHUB_WORKFLOW_REF, owner/repository/path@ref.
func workflowRef(d definition) (string, error) {
	var internal struct {
		WorkflowRef string `json:"GITHUB_WORKFLOW_REF"`
	}
	if len(d.Internal) == 0 {
		return "", nil
	}
	if err := decode("internalParameters", d.Internal, &internal); err != nil {
		return "", err
	}
	path, _, _ := strings.Cut(internal.WorkflowRef, "@")
	parts := strings.SplitN(path, "/", 3)
	if len(parts) < 3 {
		return "", nil
	}
	return parts[2], nil
}

func delegator(d definition) (source, string, error) {
	s, err := d.first()
	if err != nil {
		return source{}, "", err
	}
	workflow, err := workflowRef(d)
	return s, workflow, err
}

func containerBased(d definition) (source, string, error) {
	var external struct {
		Source resource `json:"source"`
	}
	if err := decode("externalParameters", d.External, &external); err != nil {
		return source{}, "", err
	}
	s, err := external.Source.source()
	if err != nil {
		return source{}, "", err
	}
	first, err := d.first()
	if err != nil {
		return source{}, "", err
	}
	if s, err = agree("source", s, first); err != nil {
		return source{}, "", err
	}
	workflow, err := workflowRef(d)
	return s, workflow, err
}

func gitLab(d definition) (source, string, error) {
	var external struct {
		Source     string `json:"source"`
		EntryPoint string `json:"entryPoint"`
	}
	if err := decode("externalParameters", d.External, &external); err != nil {
		return source{}, "", err
	}
	repository, ref := Repository(external.Source)
	s, err := d.same(source{repository: repository, ref: ref}, false)
	return s, external.EntryPoint, err
}

func tekton(d definition) (source, string, error) {
	var found []source
	for _, r := range d.Dependencies {
		if r.Name != "inputs/result" || !isGit(r.URI) {
			continue
		}
		s, err := r.source()
		if err != nil {
			return source{}, "", err
		}
		found = append(found, s)
	}
	return one(found), "", nil
}

func cloudBuild(d definition) (source, string, error) {
	var external struct {
		Config struct {
			Path       string `json:"path"`
			Ref        string `json:"ref"`
			Repository string `json:"repository"`
		} `json:"buildConfigSource"`
	}
	if err := decode("externalParameters", d.External, &external); err != nil {
		return source{}, "", err
	}
	repository, _ := Repository(external.Config.Repository)
	s := source{repository: repository, ref: external.Config.Ref}
	if repository == "" {
		return source{}, external.Config.Path, nil
	}
	// The dependency is named by the ref that the trigger watches, which for a
	// tag is the branch: the commit is one, the ref need not be.
	for _, r := range d.Dependencies {
		if other, _ := Repository(r.URI); other != repository {
			continue
		}
		dep, err := r.source()
		if err != nil {
			return source{}, "", err
		}
		if s, err = agree("source", s, source{commit: dep.commit}); err != nil {
			return source{}, "", err
		}
	}
	return s, external.Config.Path, nil
}
