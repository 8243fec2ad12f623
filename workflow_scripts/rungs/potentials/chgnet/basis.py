"""Lengths, angles and CHGNet's basis functions of them, with derivatives written out.

Everything here depends on the geometry alone, so in the last sweep of a training step nothing flows
on from it but the gradients of the basis functions' frequencies. A gradient towards the geometry
therefore needs only two things when it is differentiated: its tangent, and those frequencies.
Autograd would compute, step by step, much that is thrown away. Names ending in ``_bar`` are
gradients, those in ``_dot`` tangents, as in :mod:`rungs.potentials.chgnet.second_order`.
"""

import torch
from torch import Tensor, nn
from torch.autograd import Function

from rungs.potentials.chgnet.second_order import Sweep, refuse_another_derivative


def lengths_and_cosines(
    vectors: Tensor, angle_bonds: Tensor, signs: Tensor
) -> tuple[Tensor, Tensor]:
    """Return lengths (B,) of the vectors (B, 3) in Å and cosines (S,) of angles between them.

    Args:
        vectors: gradients flow to them, and not through their gradients once more.
        angle_bonds: (2, S) the two vectors of each angle.
        signs: (S,) factors of the cosines.
    """
    return _Geometry.apply(vectors, angle_bonds, signs)


def radial_waves(radial: nn.Module, lengths: Tensor, sweep: Sweep) -> Tensor:
    """Return (B, K) radial Bessel functions under their envelope, of the lengths (B,) in Å.

    √(2/c) sin(ω r/c)/r for a cutoff c, times 1 + a u^p + b u^(p+1) + c' u^(p+2) with u = r/c.

    Args:
        radial: a ``chgnet.model.basis.RadialBessel`` with an envelope.
        lengths: from :func:`lengths_and_cosines`.
        sweep: through which the caller announces the gradient with respect to the geometry.
    """
    return _Radial.apply(radial, sweep, lengths, radial.frequencies)


def angular_waves(frequencies: Tensor, cosines: Tensor, sweep: Sweep) -> Tensor:
    """Return (S, 2K): sin(k θ) and then cos(k θ) of θ = acos(cosines), for K ``frequencies``."""
    return _Angular.apply(sweep, cosines, frequencies)


class _Geometry(Function):
    @staticmethod
    def forward(ctx, vectors, angle_bonds, signs):
        lengths = torch.linalg.vector_norm(vectors, dim=1)
        directions = vectors / lengths[:, None]
        first = directions.index_select(0, angle_bonds[0])
        second = directions.index_select(0, angle_bonds[1])
        cosines = (first * second).sum(dim=1) * signs
        ctx.save_for_backward(lengths, directions, first, second, angle_bonds, signs)
        return lengths, cosines

    @staticmethod
    def backward(ctx, lengths_bar, cosines_bar):
        return _GeometryGradient.apply(lengths_bar, cosines_bar, *ctx.saved_tensors), None, None


class _GeometryGradient(Function):
    """∂cos/∂r₁ = (± n₂ − cos n₁) / |r₁|, and the same with 1 and 2 changed over."""

    @staticmethod
    def forward(ctx, lengths_bar, cosines_bar, lengths, directions, first, second, bonds, signs):
        ctx.save_for_backward(lengths, directions, first, second, bonds, signs)
        # The part of a direction's gradient along the direction itself does not turn it.
        turn = (cosines_bar * signs)[:, None]
        turns = torch.zeros_like(directions)
        turns.index_add_(0, bonds[0], turn * second).index_add_(0, bonds[1], turn * first)
        along = (turns * directions).sum(dim=1, keepdim=True)
        turns.addcmul_(directions, along, value=-1).div_(lengths[:, None])
        return turns.addcmul_(directions, lengths_bar[:, None])

    @staticmethod
    def backward(ctx, vectors_dot):
        refuse_another_derivative()
        lengths, directions, first, second, bonds, signs = ctx.saved_tensors
        lengths_dot = (vectors_dot * directions).sum(dim=1)
        turning = (vectors_dot - directions * lengths_dot[:, None]) / lengths[:, None]
        cosines_dot = turning.index_select(0, bonds[0]) * second
        cosines_dot.addcmul_(turning.index_select(0, bonds[1]), first)
        return lengths_dot, cosines_dot.sum(dim=1) * signs, *(None,) * 6


class _Radial(Function):
    """waves = envelope(r) √(2/c)/r sin(ω r/c)."""

    @staticmethod
    def forward(ctx, radial, sweep, lengths, frequencies):
        phase = torch.outer(lengths * radial.inv_cutoff, frequencies)
        sine, cosine = torch.sin(phase), torch.cos(phase)
        envelope = radial.smooth_cutoff(lengths)
        ctx.radial, ctx.sweep = radial, sweep
        ctx.save_for_backward(lengths, frequencies, sine, cosine, envelope)
        return sine * (envelope * radial.norm_const / lengths)[:, None]

    @staticmethod
    def backward(ctx, waves_bar):
        saved = ctx.saved_tensors
        if ctx.sweep.towards_geometry:
            return None, None, _RadialGradient.apply(ctx.radial, waves_bar, *saved), None
        refuse_another_derivative()
        _, _, _, cosine, envelope = saved
        # By the phase ω r/c a frequency acts on the sine alone.
        scale = ctx.radial.norm_const * ctx.radial.inv_cutoff
        return None, None, None, (envelope * scale) @ (waves_bar * cosine)


class _RadialGradient(Function):
    """lengths_bar = Σ waves_bar (k₁ ω cos + k₂ sin), with k₁ = envelope √(2/c)/(r c) and k₂ the
    derivative of envelope √(2/c)/r."""

    @staticmethod
    def forward(ctx, radial, waves_bar, lengths, frequencies, sine, cosine, envelope):
        over_r = radial.norm_const / lengths
        k1 = envelope * over_r * radial.inv_cutoff
        k2 = (_slope(radial.smooth_cutoff, lengths) - envelope / lengths).mul_(over_r)
        by_cosine, by_sine = waves_bar * cosine, waves_bar * sine
        ctx.inv_cutoff = radial.inv_cutoff
        ctx.save_for_backward(lengths, frequencies, sine, cosine, k1, k2, by_cosine, by_sine)
        return (by_cosine @ frequencies).mul_(k1).addcmul_(by_sine.sum(dim=1), k2)

    @staticmethod
    def backward(ctx, lengths_dot):
        refuse_another_derivative()
        lengths, frequencies, sine, cosine, k1, k2, by_cosine, by_sine = ctx.saved_tensors
        k1, k2 = k1 * lengths_dot, k2 * lengths_dot
        waves_dot = torch.outer(k1, frequencies).mul_(cosine).addcmul_(sine, k2[:, None])
        scaled = lengths * ctx.inv_cutoff
        by_frequency = torch.addcmul(k1, k2, scaled) @ by_cosine
        by_frequency.addcmul_(k1.mul_(scaled) @ by_sine, frequencies, value=-1)
        return None, waves_dot, None, by_frequency, *(None,) * 3


def _slope(cutoff: nn.Module, lengths: Tensor) -> Tensor:
    """Return (B,) derivatives of CHGNet's polynomial cutoff, per Å."""
    if cutoff.p == 0:
        return torch.zeros_like(lengths)
    p, u = cutoff.p, lengths / cutoff.cutoff
    slope = (u * (cutoff.c * (p + 2))).add_(cutoff.b * (p + 1)).mul_(u).add_(cutoff.a * p)
    return slope.mul_(u ** (p - 1)).mul_(u < 1).div_(cutoff.cutoff)


class _Angular(Function):
    @staticmethod
    def forward(ctx, sweep, cosines, frequencies):
        angles = torch.acos(cosines)
        phase = torch.outer(angles, frequencies)
        waves = torch.cat([torch.sin(phase), torch.cos(phase)], dim=1)
        ctx.sweep = sweep
        ctx.save_for_backward(cosines, angles, frequencies, waves)
        return waves

    @staticmethod
    def backward(ctx, waves_bar):
        _, angles, _, waves = ctx.saved_tensors
        if ctx.sweep.towards_geometry:
            return None, _AngularGradient.apply(waves_bar, *ctx.saved_tensors), None
        refuse_another_derivative()
        return None, None, angles @ _by_phase(waves_bar, waves)


class _AngularGradient(Function):
    """cosines_bar = dθ/dcos Σ phase_bar ω, where phase_bar = sine_bar cos - cosine_bar sin."""

    @staticmethod
    def forward(ctx, waves_bar, cosines, angles, frequencies, waves):
        # dθ/dcos = -1/√(1 - cos²)
        turn = torch.addcmul(torch.ones_like(cosines), cosines, cosines, value=-1).rsqrt_().neg_()
        phase_bar = _by_phase(waves_bar, waves)
        ctx.save_for_backward(waves_bar, angles, frequencies, waves, turn, phase_bar)
        return (phase_bar @ frequencies).mul_(turn)

    @staticmethod
    def backward(ctx, cosines_dot):
        refuse_another_derivative()
        waves_bar, angles, frequencies, waves, turn, phase_bar = ctx.saved_tensors
        angles_dot = cosines_dot * turn
        phase_dot = torch.outer(angles_dot, frequencies)
        sine, cosine = waves.chunk(2, dim=1)
        waves_dot = torch.cat([cosine * phase_dot, phase_dot.neg_().mul_(sine)], dim=1)
        bent = (angles * angles_dot) @ (waves_bar * waves)
        bent = bent.view(2, -1).sum(dim=0)
        by_frequency = angles_dot @ phase_bar - bent * frequencies
        return waves_dot, None, None, by_frequency, None


def _by_phase(waves_bar: Tensor, waves: Tensor) -> Tensor:
    """Return (S, K) gradients of the phases k θ from those of their sines and cosines."""
    sine_bar, cosine_bar = waves_bar.chunk(2, dim=1)
    sine, cosine = waves.chunk(2, dim=1)
    return (sine_bar * cosine).addcmul_(cosine_bar, sine, value=-1)
