// The language of hidden_paths.conf, and the list itself.
#include "gofer/hidden.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace ukrun::gofer {
namespace {

constexpr uint32_t kFile = S_IFREG;
constexpr uint32_t kDirectory = S_IFDIR;
constexpr uint32_t kSocket = S_IFSOCK;
constexpr uint32_t kLink = S_IFLNK;

std::unique_ptr<HiddenPaths> Parse(const std::vector<std::string>& patterns,
                                   const std::vector<std::string>& homes = {"/home/u", "/root"}) {
  std::string error;
  std::unique_ptr<HiddenPaths> paths = HiddenPaths::Parse(patterns, homes, error);
  EXPECT_NE(paths, nullptr) << error;
  return paths;
}

// Whether a walk from "/" to `path`, an entry of type `mode`, is stopped by hiding.
bool Hides(HiddenPaths& paths, std::string_view path, uint32_t mode) {
  const HiddenState* state = paths.root();
  path.remove_prefix(1);
  while (true) {
    size_t end = std::min(path.find('/'), path.size());
    std::string_view name = path.substr(0, end);
    bool last = end == path.size();
    if (paths.Match(state, name).Hides(last ? mode : kDirectory)) {
      return true;
    }
    if (last) {
      return false;
    }
    state = paths.Step(state, name);
    path.remove_prefix(end + 1);
  }
}

TEST(HiddenTest, AbsolutePathHidesItselfAndEverythingBelow) {
  auto paths = Parse({"/etc/shadow", "/proc"});
  EXPECT_TRUE(Hides(*paths, "/etc/shadow", kFile));
  EXPECT_TRUE(Hides(*paths, "/proc", kDirectory));
  EXPECT_TRUE(Hides(*paths, "/proc/1/status", kFile));
  EXPECT_FALSE(Hides(*paths, "/etc/shadow2", kFile));
  EXPECT_FALSE(Hides(*paths, "/etc", kDirectory));
  EXPECT_FALSE(Hides(*paths, "/x/etc/shadow", kFile));
}

TEST(HiddenTest, TildeMeansEveryHome) {
  auto paths = Parse({"~/.ssh", "~/.docker/config.json"});
  EXPECT_TRUE(Hides(*paths, "/home/u/.ssh/id_rsa", kFile));
  EXPECT_TRUE(Hides(*paths, "/root/.ssh", kDirectory));
  EXPECT_TRUE(Hides(*paths, "/root/.docker/config.json", kFile));
  EXPECT_FALSE(Hides(*paths, "/root/.docker/daemon.json", kFile));
  EXPECT_FALSE(Hides(*paths, "/home/v/.ssh", kDirectory));
  EXPECT_TRUE(Hides(*Parse({"~"}), "/home/u", kDirectory));
}

TEST(HiddenTest, HomesWithOddSlashesAreUnderstood) {
  auto paths = Parse({"~/.ssh"}, {"/", "/home//w/"});
  EXPECT_TRUE(Hides(*paths, "/.ssh", kDirectory));
  EXPECT_TRUE(Hides(*paths, "/home/w/.ssh", kDirectory));
}

TEST(HiddenTest, DoubleStarMeansAnyDepth) {
  auto paths = Parse({"file:**/.env", "**/a/b"});
  EXPECT_TRUE(Hides(*paths, "/.env", kFile));
  EXPECT_TRUE(Hides(*paths, "/x/y/z/.env", kFile));
  EXPECT_FALSE(Hides(*paths, "/x/.env", kDirectory));
  EXPECT_FALSE(Hides(*paths, "/x/.env/bin", kFile));
  EXPECT_TRUE(Hides(*paths, "/a/b", kFile));
  EXPECT_TRUE(Hides(*paths, "/a/a/b", kFile));
  EXPECT_TRUE(Hides(*paths, "/x/a/b/c", kFile));
  EXPECT_FALSE(Hides(*paths, "/a/c/b", kFile));
}

TEST(HiddenTest, DoubleStarInTheMiddleAndAtTheEnd) {
  auto paths = Parse({"/p/**/key", "/all/**"});
  EXPECT_TRUE(Hides(*paths, "/p/key", kFile));
  EXPECT_TRUE(Hides(*paths, "/p/a/b/key", kFile));
  EXPECT_FALSE(Hides(*paths, "/q/key", kFile));
  EXPECT_FALSE(Hides(*paths, "/all", kDirectory));
  EXPECT_TRUE(Hides(*paths, "/all/x", kFile));
}

TEST(HiddenTest, BareNameMeansThatNameAnywhere) {
  auto paths = Parse({"secrets.txt"});
  EXPECT_TRUE(Hides(*paths, "/secrets.txt", kFile));
  EXPECT_TRUE(Hides(*paths, "/a/b/secrets.txt", kFile));
}

TEST(HiddenTest, LastPatternThatMatchesDecides) {
  auto paths = Parse({"file:**/.env.*", "!**/.env.example", "/x/.env.example"});
  EXPECT_TRUE(Hides(*paths, "/a/.env.local", kFile));
  EXPECT_FALSE(Hides(*paths, "/a/.env.example", kFile));
  EXPECT_TRUE(Hides(*paths, "/x/.env.example", kFile));
  auto unhidden = Parse({"~/.aws", "!~/.aws"});
  EXPECT_FALSE(Hides(*unhidden, "/root/.aws/credentials", kFile));
}

TEST(HiddenTest, NothingComesBackFromBelowAHiddenDirectory) {
  auto paths = Parse({"/secret", "!/secret/public"});
  EXPECT_TRUE(Hides(*paths, "/secret/public", kFile));
}

TEST(HiddenTest, TypesAreKeptApart) {
  auto paths = Parse({"socket:**", "dir:/d"});
  EXPECT_TRUE(Hides(*paths, "/run/x.sock", kSocket));
  EXPECT_FALSE(Hides(*paths, "/run/x.sock", kFile));
  EXPECT_FALSE(Hides(*paths, "/run/x.sock", kLink));
  EXPECT_TRUE(Hides(*paths, "/d", kDirectory));
  EXPECT_FALSE(Hides(*paths, "/d", kFile));
}

TEST(HiddenTest, GlobsStayWithinOneName) {
  EXPECT_TRUE(MatchesGlob("*", ""));
  EXPECT_TRUE(MatchesGlob("ssh_host_*_key", "ssh_host_rsa_key"));
  EXPECT_FALSE(MatchesGlob("ssh_host_*_key", "ssh_host_rsa_key.pub"));
  EXPECT_TRUE(MatchesGlob("?a*b*c", "xa--b--bc"));
  EXPECT_FALSE(MatchesGlob("?a", "a"));
  EXPECT_FALSE(MatchesGlob("", "a"));
  // Would take for ever with a matcher that tries everything.
  std::string many_stars;
  for (int i = 0; i < 50; ++i) {
    many_stars += "*a";
  }
  EXPECT_FALSE(MatchesGlob(many_stars + "b", std::string(250, 'a')));
  auto paths = Parse({"/etc/sudoers*"});
  EXPECT_TRUE(Hides(*paths, "/etc/sudoers", kFile));
  EXPECT_TRUE(Hides(*paths, "/etc/sudoers.d", kDirectory));
}

TEST(HiddenTest, DirectoriesThatGuardNamesBelowAreKnown) {
  auto paths = Parse({"~/.config/gcloud", "file:**/.env", "**/x/y", "socket:**"});
  auto guards = [&](std::vector<std::string_view> names) {
    const HiddenState* state = paths->root();
    for (std::string_view name : names) {
      state = paths->Step(state, name);
    }
    return state->guards_names_below;
  };
  EXPECT_TRUE(guards({"home"}));
  EXPECT_TRUE(guards({"home", "u", ".config"}));
  EXPECT_FALSE(guards({"home", "u", "project"}));
  EXPECT_FALSE(guards({"var"}));
  EXPECT_TRUE(guards({"var", "x"}));
}

TEST(HiddenTest, StatesOfOrdinaryDirectoriesAreOne) {
  auto paths = Parse({"~/.ssh", "file:**/.env"});
  const HiddenState* a = paths->Step(paths->Step(paths->root(), "usr"), "bin");
  const HiddenState* b = paths->Step(paths->Step(paths->root(), "var"), "lib");
  EXPECT_EQ(a, b);
}

TEST(HiddenTest, WhatCannotBeUnderstoodIsSaid) {
  for (const char* pattern : {"a/b", "", "!", "/", "file:", "/a/../b", "~user/x", "../x"}) {
    std::string error;
    std::vector<std::string> homes{"/root"};
    std::vector<std::string> patterns{pattern};
    EXPECT_EQ(HiddenPaths::Parse(patterns, homes, error), nullptr) << pattern;
    EXPECT_NE(error.find("hidden path"), std::string::npos);
  }
}

class HiddenListTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(UKRUN_SOURCE_FOLDER "/ukrun/hidden_paths.conf");
    std::stringstream text;
    text << file.rdbuf();
    paths_ = Parse(ParseHiddenList(text.str()));
    ASSERT_NE(paths_, nullptr);
  }
  std::unique_ptr<HiddenPaths> paths_;
};

TEST_F(HiddenListTest, HidesSecrets) {
  for (const char* path : {"/home/u/.ssh/id_ed25519",
                           "/home/u/.aws/credentials",
                           "/home/u/.azure/x",
                           "/root/.gnupg/private-keys-v1.d/x",
                           "/root/.kube/config",
                           "/root/.netrc",
                           "/root/.npmrc",
                           "/root/.pypirc",
                           "/root/.git-credentials",
                           "/root/.docker/config.json",
                           "/root/.config/gcloud/x",
                           "/root/.config/gh/hosts.yml",
                           "/etc/shadow",
                           "/etc/gshadow",
                           "/etc/sudoers",
                           "/etc/sudoers.d/x",
                           "/etc/ssh/ssh_host_rsa_key",
                           "/etc/ssl/private/key.pem",
                           "/proc/1/environ",
                           "/sys/kernel",
                           "/dev/sda",
                           "/home/u/.mozilla/firefox/x",
                           "/home/u/.config/google-chrome/Default/Cookies",
                           "/home/u/.bash_history",
                           "/home/u/.local/share/keyrings/login.keyring",
                           "/home/u/.claude/.credentials.json",
                           "/home/u/.codex/auth.json",
                           "/home/u/.gemini/oauth_creds.json",
                           "/srv/app/.env",
                           "/srv/app/.env.production",
                           "/home/u/.vault-token",
                           "/home/u/.cargo/credentials.toml",
                           "/home/u/.terraform.d/credentials.tfrc.json",
                           "/home/u/.password-store/x.gpg"}) {
    EXPECT_TRUE(Hides(*paths_, path, kFile)) << path;
  }
  EXPECT_TRUE(Hides(*paths_, "/srv/app.sock", kSocket));
}

TEST_F(HiddenListTest, LeavesTheRest) {
  for (const char* path :
       {"/etc/passwd", "/etc/ssl/certs/ca.pem", "/etc/ssh/ssh_config",
        "/etc/ssh/ssh_host_rsa_key.pub", "/srv/app/.env.example", "/srv/app/env", "/home/u/.bashrc",
        "/home/u/.gitconfig", "/home/u/.config/git/config", "/usr/bin/env",
        "/home/u/.cargo/config.toml", "/home/u/project/.ssh", "/home/u/.docker/daemon.json",
        "/home/u/.cache/huggingface/hub/model", "/home/u/.local/bin/x"}) {
    EXPECT_FALSE(Hides(*paths_, path, kFile)) << path;
  }
  EXPECT_FALSE(Hides(*paths_, "/srv/app/.env", kDirectory));
  EXPECT_FALSE(Hides(*paths_, "/srv/app/.env/bin/python", kFile));
}

}  // namespace
}  // namespace ukrun::gofer
