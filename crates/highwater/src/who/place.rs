//! The place where the process runs, according to the kernel and Kubernetes.

use std::fs;

/// Number of hexadecimal digits in a container id: SHA-256.
const ID_DIGITS: usize = 64;

/// The name of the machine.
pub(super) fn host() -> Option<String> {
    read("/proc/sys/kernel/hostname")
}

/// The namespace of the pod's service account.
pub(super) fn namespace() -> Option<String> {
    read("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
}

/// The id of the container.
pub(super) fn container() -> Option<String> {
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    of_groups(&groups).or_else(|| of_mounts(&read("/proc/self/mountinfo")?))
}

/// The content of a file, in one line.
fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned()).filter(|it| !it.is_empty())
}

/// The id in the names of the control groups: `docker-<id>.scope`, `/docker/<id>`,
/// `cri-containerd-<id>.scope`, `<namespace>:cri-containerd:<id>`, `libpod-<id>.scope/container`,
/// `/ecs/<task>/<id>`. The innermost one is used.
fn of_groups(text: &str) -> Option<String> {
    text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).find_map(|path| ids(path).last())
}

/// The id in the mounts of a container's host name and network files:
/// `/var/lib/docker/containers/<id>/hostname`. The sandbox of a pod has such mounts too, with an id of its
/// own, which is not used.
fn of_mounts(text: &str) -> Option<String> {
    const FILES: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];
    text.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (root, mount) = (fields.next()?, fields.next()?);
        let (_, behind) = root.split_once("containers/").filter(|_| FILES.contains(&mount))?;
        ids(behind).next()
    })
}

/// Parts of a path that look like a container id.
fn ids(path: &str) -> impl Iterator<Item = String> {
    let words = path.split(|it: char| !it.is_ascii_alphanumeric());
    let is_id =
        |it: &&str| it.len() == ID_DIGITS && it.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    words.filter(is_id).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_found_in_the_names_of_their_groups() {
        let (id, pod) = ("0123456789abcdef".repeat(4), "f".repeat(64));
        for path in [
            format!("0::/system.slice/docker-{id}.scope"),
            format!("12:memory:/docker/{id}\n0::/"),
            format!(
                "0::/kubepods.slice/kubepods-burstable.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"
            ),
            format!("5:memory:/kubepods/burstable/pod3c0/{id}"),
            format!("0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{id}"),
            format!("0::/machine.slice/libpod-{id}.scope/container"),
            format!("9:memory:/ecs/0123456789abcdef/{id}"),
            format!("0::/docker/{pod}/docker/{id}"),
        ] {
            assert_eq!(of_groups(&path).as_ref(), Some(&id), "{path}");
        }
        for none in
            ["0::/", "0::/user.slice/user-1000.slice/session-1.scope", "", "0::/../..", &"a".repeat(64)]
        {
            assert_eq!(of_groups(none), None, "{none}");
        }
    }

    #[test]
    fn containers_are_found_in_their_mounts() {
        let (id, sandbox) = ("0123456789abcdef".repeat(4), "e".repeat(64));
        let line = |root: &str, mount: &str| {
            format!("700 650 259:1 {root} {mount} rw,relatime - ext4 /dev/sda1 rw\n")
        };
        let docker = line(&format!("/var/lib/docker/containers/{id}/hostname"), "/etc/hostname");
        let podman = line(&format!("/containers/overlay-containers/{id}/userdata/hosts"), "/etc/hosts");
        let cri = line(
            &format!("/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{sandbox}/hostname"),
            "/etc/hostname",
        );
        assert_eq!(of_mounts(&docker).as_ref(), Some(&id));
        assert_eq!(of_mounts(&podman).as_ref(), Some(&id));
        assert_eq!(of_mounts(&cri), None);
        // On a machine that runs containers, the containers' mounts have other mount points.
        assert_eq!(of_mounts(&line(&format!("/var/lib/docker/containers/{id}/mounts/shm"), "/mnt")), None);
    }
}
