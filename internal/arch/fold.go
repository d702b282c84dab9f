package arch

import "slices"

// A Fold says where a vector can go into the weights: divide the outputs of From by it, multiply the columns of all matrices that take them as inputs, and
// the model computes the same.
type Fold struct {
	From  Role   // a norm, or a matrix whose outputs meet nothing but factors on their way
	Into  []Role // everything that takes them; those that a layer lacks do not matter
	Heads bool   // From makes values, which all heads of a group take
}

// Folds are those of a family's layers, in the order in which activations come by. Latent attention norms what it makes narrow, and takes matrices apart: its
// attention has none here. Matrices that will be rounded to ternary ones take no factors: that would not keep them. Adapters inside a model take what norms give, too.
func (a *Arch) Folds(p *Params) (list []Fold) {
	if p.Ternary || p.Switch.Count > 0 {
		return nil
	}
	attention, network := []Role{RoleQ, RoleK, RoleV, RoleAttnGate, RoleIndexQ, RoleIndexK, RoleStateIn, RoleStateGate, RoleStateBeta, RoleStateAlpha, RoleStateBoth}, []Role{RoleGate, RoleUp, RoleRouter, RoleGateExps, RoleUpExps, RoleShareGate, RoleGateShared, RoleUpShared, RoleFFNReceptance}
	if a.Layer.EarlyRouter { // which takes what no norm made
		network = slices.DeleteFunc(network, func(r Role) bool { return r == RoleRouter })
	}
	if p.Mix.Latent > 0 {
		network = append(slices.DeleteFunc(network, func(r Role) bool { return r == RoleGateExps || r == RoleUpExps }), RoleLatentDown)
	}
	if p.MLA.KV == 0 && !a.Layer.Keeper.mixes() {
		into := attention
		if a.oneNorm(p) {
			into = append(attention, network...)
		}
		if !a.Layer.Streams && !a.Layer.NormStream && !p.NormAfter { // there the stream takes what the norm makes, too
			list = append(list, Fold{From: RoleAttnNorm, Into: into})
		}
		if a.hasRole(RoleAttnSub) {
			list = append(list, Fold{From: RoleAttnSub, Into: []Role{RoleO}})
		} else if p.Clamp == 0 && !a.Layer.BareValue && !a.scatters(RoleO) {
			list = append(list, Fold{From: RoleV, Into: []Role{RoleO}, Heads: true})
		}
	}
	if p.Mix.PerGroup == 0 && !a.Layer.NormStream && !p.NormAfter { // runtimes give what groups share something else
		list = append(list, Fold{From: RoleFFNNorm, Into: network})
	}
	if p.Mix.Latent > 0 {
		list = append(list, Fold{From: RoleLatentDown, Into: []Role{RoleGateExps, RoleUpExps}})
	}
	if a.Layer.Before && p.Mix.Count > 0 {
		list[len(list)-1].Into = []Role{RoleGate, RoleUp}
		list = append(list, Fold{From: RoleExpsNorm, Into: []Role{RoleRouter, RoleGateExps, RoleUpExps}})
	}
	if a.Layer.Beside && p.Mix.Count > 0 {
		list[len(list)-1].Into = []Role{RoleGate, RoleUp} // experts and router have norms of their own
	}
	if p.Mix.Latent > 0 {
		list = append(list, Fold{From: RoleLatentNorm, Into: []Role{RoleLatentUp}})
	}
	if a.hasRole(RoleFFNSub) {
		return append(list, Fold{From: RoleFFNSub, Into: []Role{RoleDown}})
	}
	if a.hasRole(RoleCrossQ) { // the norm before its keys and values is that of all layers
		list = append(list, Fold{From: RoleCrossNorm, Into: []Role{RoleCrossQ}}, Fold{From: RoleCrossV, Into: []Role{RoleCrossO}, Heads: true})
	}
	for _, f := range []Fold{
		{From: RoleUp, Into: []Role{RoleDown}},
		{From: RoleUpExps, Into: []Role{RoleDownExps}},
		{From: RoleUpGroups, Into: []Role{RoleDownGroups}},
		{From: RoleUpShared, Into: []Role{RoleDownShared}},
	} {
		if p.Bounds == nil && p.SharedBounds == nil && !slices.Contains(bent, a.Layer.Act) && (!a.Layer.Ungated || a.Layer.Act == ReLU) {
			list = append(list, f)
		}
	}
	return list
}

// scatters says whether a checkpoint has the columns of a matrix in another order than its heads.
func (a *Arch) scatters(role Role) bool {
	return slices.ContainsFunc(a.Tensors, func(r Rule) bool { return r.Role == role && r.Do.Columns != nil })
}

// oneNorm says whether both parts of a layer are given what one norm makes.
func (a *Arch) oneNorm(p *Params) bool {
	return (a.Layer.Parallel || p.Parallel) && !slices.ContainsFunc(a.Tensors, func(r Rule) bool {
		return r.Role == RoleFFNNorm && (r.When == nil || r.When(p, 0))
	})
}

// bent are activations to which up is no mere factor.
var bent = []Activation{CutSwish, SiTU}
