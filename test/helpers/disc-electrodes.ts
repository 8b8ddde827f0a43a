/**
 * Potentials of electrodes on a unit disc by the complete electrode model, without elements: the current density on each electrode in
 * Legendre polynomials, the disc by the Fourier coefficients of its Neumann-to-Dirichlet map, Galerkin's method
 *
 *   z j + Σ_n (1/πΛ_n) [cos nθ ∫ j cos nφ + sin nθ ∫ j sin nφ] + c = U_l on e_l,   ∫_{e_l} j = I_l,
 *
 * Λ_n = σ n (1 − μ ρ^2n) / (1 + μ ρ^2n), μ = (σ − σ_in) / (σ + σ_in) for a concentric disc of radius ρ and conductivity σ_in.
 * (Without a disc inside, Λ_n = σ n: Somersalo, Cheney & Isaacson 1992, §4.)
 */

export interface Disc {
  readonly electrodes: number;
  /** Half the angle of an electrode. */
  readonly half: number;
  /** Contact impedance of each. */
  readonly impedance: readonly number[];
  readonly sigma: number;
  readonly inclusion?: { readonly radius: number; readonly sigma: number };
  /** Polynomials on each electrode, and Fourier coefficients. */
  readonly degree?: number;
  readonly orders?: number;
}

/** Spherical Bessel functions j_0 … j_P at x > 0. */
function bessel(P: number, x: number): Float64Array {
  const j = new Float64Array(P + 1);
  j[0] = Math.sin(x) / x;
  if (x > P) {
    if (P > 0) j[1] = (j[0] - Math.cos(x)) / x;
    for (let p = 1; p < P; p++) j[p + 1] = ((2 * p + 1) / x) * j[p] - j[p - 1];
    return j;
  }
  let [above, here] = [0, 1e-100]; // Miller's recurrence, downwards
  const top = P + 20 + Math.ceil(x);
  const list = new Float64Array(top + 1);
  for (let p = top; p >= 0; p--) {
    list[p] = here;
    [above, here] = [here, ((2 * p + 1) / x) * here - above];
    if (Math.abs(here) > 1e100) {
      for (let q = p; q <= top; q++) list[q] *= 1e-100;
      [above, here] = [above * 1e-100, here * 1e-100];
    }
  }
  // Σ (2p + 1) j_p² = 1; the sign is that of j_0, or j_1 where that is near 0.
  const norm = Math.sqrt(list.reduce((sum, v, p) => sum + (2 * p + 1) * v * v, 0));
  const sign = Math.sign(list[0]) * Math.sign(j[0]) || 1;
  for (let p = 0; p <= P; p++) j[p] = (sign * list[p]) / norm;
  return j;
}

/** Potentials (K, L), with a mean of 0, for currents (K, L) through electrodes centred at angles first + 2πl/L. */
export function discPotentials(disc: Disc, currents: readonly (readonly number[])[]): number[][] {
  const { electrodes: L, half, impedance, sigma, inclusion, degree = 12, orders = 20_000 } = disc;
  const P = degree + 1;
  // Elements between electrodes at an offset d: (d, q, p).
  const table = new Float64Array(L * P * P);
  const [mu, rho] = inclusion ? [(sigma - inclusion.sigma) / (sigma + inclusion.sigma), inclusion.radius] : [0, 0];
  for (let n = 1; n <= orders; n++) {
    const inner = mu * rho ** (2 * n);
    const lambda = (sigma * n * (1 - inner)) / (1 + inner);
    const j = bessel(degree, n * half);
    for (let d = 0; d < L; d++) {
      const angle = (2 * Math.PI * ((n * d) % L)) / L;
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      const turned = [c, -s, -c, s];
      for (let q = 0; q < P; q++)
        for (let p = 0; p < P; p++)
          table[(d * P + q) * P + p] +=
            ((4 * half * half) / (Math.PI * lambda)) * j[q] * j[p] * turned[(p - q + 4 * P) % 4];
    }
  }
  const entry = (l: number, q: number, m: number, p: number): number => {
    const diagonal = l === m && p === q ? (impedance[l] * half * 2) / (2 * p + 1) : 0;
    return diagonal + table[(((m - l + L) % L) * P + q) * P + p];
  };
  // Coefficients of degree 1 and more, by Cholesky; those of degree 0 are the currents.
  const size = L * degree;
  const factor = Array.from({ length: size }, (_, i) => {
    const [l, q] = [Math.floor(i / degree), (i % degree) + 1];
    return Float64Array.from({ length: i + 1 }, (_, k) => entry(l, q, Math.floor(k / degree), (k % degree) + 1));
  });
  for (let i = 0; i < size; i++) {
    for (let k = 0; k <= i; k++) {
      let sum = factor[i][k];
      for (let m = 0; m < k; m++) sum -= factor[i][m] * factor[k][m];
      factor[i][k] = i === k ? Math.sqrt(sum) : sum / factor[k][k];
    }
  }
  return currents.map((current) => {
    const base = current.map((x) => x / (2 * half));
    const x = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      const [l, q] = [Math.floor(i / degree), (i % degree) + 1];
      let sum = base.reduce((s, c, m) => s - c * entry(l, q, m, 0), 0);
      for (let k = 0; k < i; k++) sum -= factor[i][k] * x[k];
      x[i] = sum / factor[i][i];
    }
    for (let i = size - 1; i >= 0; i--) {
      for (let k = i + 1; k < size; k++) x[i] -= factor[k][i] * x[k];
      x[i] /= factor[i][i];
    }
    const u = base.map((_, l) => {
      let sum = base.reduce((s, c, m) => s + c * entry(l, 0, m, 0), 0);
      for (let i = 0; i < size; i++) sum += entry(l, 0, Math.floor(i / degree), (i % degree) + 1) * x[i];
      return sum / (2 * half);
    });
    const mean = u.reduce((a, b) => a + b, 0) / L;
    return u.map((v) => v - mean);
  });
}
