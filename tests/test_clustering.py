"""k-means, densities and rotations against scikit-learn, loops and closed forms."""

import math
from itertools import permutations

import pytest
import torch
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import KernelDensity as SklearnKernelDensity
from torch.distributions import MultivariateNormal

from sslcourse.augment import four_rotations
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import adjusted_rand_index
from sslcourse.methods import GaussianDensity, KernelDensity, KMeans, RotationPrediction
from sslcourse.methods.clustering import k_means_loss, k_means_plus_plus, k_means_step, nearest_centre


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def points_in_groups(n=90, seed=0):
    """Points (n, 2) around three places, and the place of each."""
    labels = torch.arange(n) % 3
    places = torch.tensor([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    return places[labels] + torch.randn(n, 2, generator=seeded(seed)), labels


# k-means


def test_a_step_of_k_means_is_that_of_the_loops():
    points, centres = torch.randn(40, 3, generator=seeded(0)), torch.randn(4, 3, generator=seeded(1))
    groups = [[] for _ in centres]
    for point in points.tolist():
        distances = [math.dist(point, centre) for centre in centres.tolist()]
        groups[distances.index(min(distances))].append(point)
    means = [[sum(column) / len(group) for column in zip(*group, strict=True)] for group in groups]
    assert torch.allclose(k_means_step(points, centres), torch.tensor(means), atol=1e-5)


def test_a_step_never_makes_the_loss_larger():
    points = torch.randn(200, 2, generator=seeded(0))
    centres = points[:7]
    for _ in range(30):
        moved = k_means_step(points, centres)
        assert k_means_loss(points, moved) <= k_means_loss(points, centres) + 1e-6
        centres = moved


def test_a_centre_without_points_stays():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    centres = torch.tensor([[0.5, 0.0], [100.0, 0.0]])
    assert k_means_step(points, centres).tolist() == [[0.5, 0.0], [100.0, 0.0]]


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_the_loss_is_that_of_scikit_learn(k):
    points, _ = points_in_groups()
    ours = KMeans(k, starts=30).fit(points, seeded())
    theirs = SklearnKMeans(k, n_init=30, random_state=0).fit(points.numpy())
    assert k_means_loss(points, ours.centres).item() * len(points) == pytest.approx(theirs.inertia_, rel=1e-4)


def test_groups_far_apart_are_found():
    points, labels = points_in_groups()
    assert adjusted_rand_index(KMeans(3).fit(points, seeded())(points), labels) > 0.95


def test_one_centre_is_the_mean():
    points, _ = points_in_groups()
    assert torch.allclose(KMeans(1).fit(points, seeded()).centres[0], points.mean(0), atol=1e-5)


def test_the_same_generator_gives_the_same_centres():
    points, _ = points_in_groups()
    first, second = (KMeans(4).fit(points, seeded(3)).centres for _ in range(2))
    assert torch.equal(first, second)


def test_the_nearest_centre_of_a_centre_is_itself():
    centres = torch.randn(6, 2, generator=seeded())
    assert nearest_centre(centres, centres).tolist() == list(range(6))


def test_a_start_by_k_means_plus_plus_draws_in_proportion_to_squared_distances():
    points = torch.tensor([[0.0], [1.0], [3.0]])
    generator, pairs = seeded(), torch.zeros(4, 4)
    for _ in range(6000):
        first, second = k_means_plus_plus(points, 2, generator).flatten().int().tolist()
        pairs[first, second] += 1
    chances = torch.zeros(4, 4)
    for a, b, share in [
        (0, 1, 1 / 10),
        (0, 3, 9 / 10),
        (1, 0, 1 / 5),
        (1, 3, 4 / 5),
        (3, 0, 9 / 13),
        (3, 1, 4 / 13),
    ]:
        chances[a, b] = share / 3
    assert torch.allclose(pairs / 6000, chances, atol=0.02)


def test_k_means_plus_plus_spends_one_centre_on_a_thousand_equal_points():
    points = torch.cat([torch.zeros(1000, 2), torch.eye(2), -torch.eye(2)])
    assert k_means_plus_plus(points, 5, seeded()).unique(dim=0).shape == (5, 2)
    assert k_means_loss(points, KMeans(5, starts=1, start="k-means++").fit(points, seeded()).centres) == 0
    assert k_means_loss(points, KMeans(5, starts=1).fit(points, seeded()).centres) > 0


def test_more_centres_than_different_points_are_no_trouble():
    assert k_means_plus_plus(torch.ones(4, 2), 3, seeded()).tolist() == [[1.0, 1.0]] * 3


def test_an_unknown_start_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown start 'best'; choose one of points, k-means\+\+"):
        KMeans(2, start="best")


@pytest.mark.parametrize("k, n", [(0, 5), (6, 5)])
def test_k_must_fit_the_points(k, n):
    with pytest.raises(ValueError, match="k"):
        KMeans(k).fit(torch.zeros(n, 2))


# Adjusted Rand index


@pytest.mark.parametrize("seed", range(5))
def test_the_adjusted_rand_index_is_that_of_scikit_learn(seed):
    clusters = torch.randint(4, (60,), generator=seeded(seed))
    labels = torch.where(torch.rand(60, generator=seeded(seed + 9)) < 0.5, clusters % 3, 2)
    assert adjusted_rand_index(clusters, labels) == pytest.approx(adjusted_rand_score(labels, clusters))


def test_the_adjusted_rand_index_forgets_the_names_of_clusters():
    clusters = torch.randint(3, (50,), generator=seeded(0))
    labels = torch.randint(3, (50,), generator=seeded(1))
    scores = [adjusted_rand_index(torch.tensor(names)[clusters], labels) for names in permutations(range(3))]
    assert scores == pytest.approx([scores[0]] * 6)
    assert adjusted_rand_index(2 - clusters, clusters) == 1


@pytest.mark.parametrize(
    "grouping", [[0, 0, 0, 0], [0, 1, 2, 3], [0]], ids=["all", "each alone", "one point"]
)
def test_the_adjusted_rand_index_of_a_trivial_grouping_with_itself_is_one(grouping):
    assert adjusted_rand_score(grouping, grouping) == 1
    assert adjusted_rand_index(torch.tensor(grouping), torch.tensor(grouping)) == 1


def test_the_adjusted_rand_index_of_two_different_trivial_groupings_is_zero():
    assert adjusted_rand_index(torch.zeros(4).long(), torch.arange(4)) == 0


def test_the_adjusted_rand_index_of_random_groupings_is_zero_on_average():
    labels = torch.arange(60) % 3
    generator = seeded()
    scores = [adjusted_rand_index(torch.randint(3, (60,), generator=generator), labels) for _ in range(300)]
    assert abs(sum(scores) / 300) < 0.005


def test_the_adjusted_rand_index_refuses_groupings_of_different_points():
    with pytest.raises(ValueError, match="same points"):
        adjusted_rand_index(torch.zeros(3).long(), torch.zeros(4).long())


# Densities


def test_a_kernel_density_is_that_of_scikit_learn():
    points, places = torch.randn(30, 3, generator=seeded(0)), torch.randn(20, 3, generator=seeded(1))
    theirs = SklearnKernelDensity(bandwidth=0.4).fit(points.numpy()).score_samples(places.numpy())
    assert KernelDensity(0.4).fit(points).log_prob(places).tolist() == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("bandwidth", [0.2, 1.0])
def test_a_kernel_density_integrates_to_one(bandwidth):
    density = KernelDensity(bandwidth).fit(torch.randn(20, 1, generator=seeded()))
    grid = torch.linspace(-10, 10, 5001).reshape(-1, 1)
    assert torch.trapezoid(density.log_prob(grid).exp(), grid[:, 0]).item() == pytest.approx(1, abs=1e-4)


def test_a_kernel_density_of_one_point_is_a_normal_distribution():
    point, places = torch.tensor([[1.0, -2.0]]), torch.randn(9, 2, generator=seeded())
    normal = MultivariateNormal(point[0], 0.7**2 * torch.eye(2))
    assert torch.allclose(KernelDensity(0.7).fit(point).log_prob(places), normal.log_prob(places), atol=1e-5)


@pytest.mark.parametrize("bandwidth", [0.0, -1.0])
def test_a_bandwidth_must_be_positive(bandwidth):
    with pytest.raises(ValueError, match="bandwidth"):
        KernelDensity(bandwidth)


def test_a_fitted_gaussian_comes_near_the_true_one():
    true = MultivariateNormal(torch.tensor([1.0, -1.0]), torch.tensor([[2.0, 0.8], [0.8, 1.0]]))
    points = true.mean + torch.randn(20_000, 2, generator=seeded()) @ true.scale_tril.T
    fitted = GaussianDensity().fit(points)
    assert torch.allclose(fitted.mean, true.mean, atol=0.05)
    assert torch.allclose(fitted.covariance, true.covariance_matrix, atol=0.05)


def test_no_other_gaussian_makes_the_points_more_likely():
    points, _ = points_in_groups()
    best = GaussianDensity().fit(points)
    generator = seeded()
    for _ in range(50):
        mean = best.mean + 0.1 * torch.randn(2, generator=generator)
        scale = torch.linalg.cholesky(best.covariance) @ (
            torch.eye(2) + 0.1 * torch.randn(2, 2, generator=generator)
        )
        other = MultivariateNormal(mean, scale @ scale.T)
        assert other.log_prob(points).mean() <= best.log_prob(points).mean()


# Rotation prediction


def test_four_rotations_turn_every_image_anticlockwise_by_hand():
    image = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 1, 2, 2)
    rotated, turns = four_rotations(image)
    assert rotated[:, 0].tolist() == [[[1, 2], [3, 4]], [[2, 4], [1, 3]], [[4, 3], [2, 1]], [[3, 1], [4, 2]]]
    assert turns.tolist() == [0, 1, 2, 3]


def test_turning_back_by_the_label_gives_the_image():
    images = torch.rand(5, 3, 6, 6, generator=seeded())
    rotated, turns = four_rotations(images)
    for position, (picture, turn) in enumerate(zip(rotated, turns.tolist(), strict=True)):
        assert torch.equal(picture.rot90(-turn, dims=(1, 2)), images[position % 5])


@pytest.mark.parametrize("shape", [(2, 28, 28), (2, 1, 28, 14)])
def test_only_batches_of_squares_can_be_rotated(shape):
    with pytest.raises(ValueError, match="squares"):
        four_rotations(torch.zeros(shape))


def test_the_rotation_loss_is_the_mean_surprise_about_the_right_turn():
    model = RotationPrediction(torch.nn.Flatten(), features=9)
    images = torch.rand(4, 1, 3, 3, generator=seeded())
    total = 0.0
    for image in images:
        for turn in range(4):
            probability = model(image.rot90(turn, dims=(1, 2)).unsqueeze(0)).softmax(1)[0]
            total -= math.log(probability[turn].item())
    assert model.loss(images).item() == pytest.approx(total / 16, abs=1e-5)


def test_a_network_that_cannot_tell_the_rotations_has_the_loss_log_4():
    model = RotationPrediction(torch.nn.Flatten(), features=16)
    assert model.loss(torch.full((3, 1, 4, 4), 0.3)).item() >= math.log(4) - 1e-6
    torch.nn.init.zeros_(model.head.weight), torch.nn.init.zeros_(model.head.bias)
    assert model.loss(torch.rand(3, 1, 4, 4)).item() == pytest.approx(math.log(4))


def test_the_loss_reaches_every_parameter_of_encoder_and_head():
    model = RotationPrediction(conv_encoder(width=4, features=8), features=8)
    model.loss(torch.rand(6, 1, 28, 28, generator=seeded())).backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("channels, side, features", [(1, 28, 128), (3, 32, 64)])
def test_a_convolutional_encoder_turns_images_into_rows_of_features(channels, side, features):
    encoder = conv_encoder(channels, width=8, features=features)
    assert encoder(torch.rand(5, channels, side, side)).shape == (5, features)


def test_a_convolutional_encoder_halves_the_sides_four_times():
    sizes, x = [], torch.rand(2, 1, 28, 28)
    for layer in conv_encoder(width=4, features=8):
        x = layer(x)
        if isinstance(layer, torch.nn.Conv2d):
            sizes.append(tuple(x.shape[1:]))
    assert sizes == [(4, 14, 14), (8, 7, 7), (16, 4, 4), (8, 2, 2)]


def test_a_density_far_from_zero_is_as_exact_as_one_near_it():
    points = 1000 + 0.1 * torch.randn(60, 2, generator=seeded())
    near, exact = (KernelDensity(0.05).fit(p[:30]).log_prob(p[30:]) for p in (points, points.double()))
    assert torch.allclose(near.double(), exact, atol=0.1)
