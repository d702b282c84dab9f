package model

import (
	"errors"

	"quern/formats"
)

// inTensor says in which tensor err happened, unless err says so itself.
func inTensor(t *formats.Tensor, err error) error {
	if err == nil {
		return nil
	}
	var e *formats.Error
	if errors.As(err, &e) && e.Tensor != "" {
		return err
	}
	return &formats.Error{Tensor: t.Name, Err: err}
}

// inFile says in which file an error of a tensor happened, unless it says so itself.
func inFile(path string, err error) error {
	var e *formats.Error
	if errors.As(err, &e) && e.File == "" {
		e.File = path
	}
	return err
}
