// Hidden files through both sides: as if they were not there.
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "gofer/gofer_fixture.h"

namespace ukrun::gofer {
namespace {

using Names = std::vector<std::string>;

class GoferHidingTest : public GoferFixture {
 protected:
  void StartHiding(std::vector<std::string> hide) {
    Start({.hide = std::move(hide), .homes = {path("home")}});
  }
  int Walked(const std::string& relative) { return WalkTo(root(), relative).error(); }
};

TEST_F(GoferHidingTest, HiddenNamesAreNeitherFoundNorListed) {
  WriteFile("home/.ssh/id_rsa", "key");
  WriteFile("home/file", "x");
  WriteFile("project/.env", "TOKEN=1");
  WriteFile("project/.env.example", "TOKEN=");
  WriteFile("project/.env.local", "TOKEN=2");
  MakeDirectories("venv/.env/bin");
  StartHiding({"~/.ssh", "file:**/.env", "file:**/.env.*", "!**/.env.example"});
  EXPECT_EQ(Walked("home/.ssh"), ENOENT);
  EXPECT_EQ(Walked("home/.ssh/id_rsa"), ENOENT);
  EXPECT_EQ(Walked("project/.env"), ENOENT);
  EXPECT_EQ(Walked("project/.env.local"), ENOENT);
  EXPECT_EQ(Walked("project/.env.example"), 0);
  EXPECT_EQ(Walked("venv/.env/bin"), 0);
  EXPECT_EQ(List(WalkTo(root(), "home")->handle), Names{"file"});
  EXPECT_EQ(List(WalkTo(root(), "project")->handle), Names{".env.example"});
  EXPECT_EQ(List(WalkTo(root(), "venv")->handle), Names{".env"});
}

TEST_F(GoferHidingTest, DirectoryOfManyHiddenEntriesIsRead) {
  for (int i = 0; i < 3000; ++i) {
    WriteFile("many/.env." + std::to_string(i), "");
  }
  WriteFile("many/visible", "");
  StartHiding({"file:**/.env.*"});
  EXPECT_EQ(List(WalkTo(root(), "many")->handle), Names{"visible"});
}

TEST_F(GoferHidingTest, HardLinksToHiddenFilesAreHidden) {
  WriteFile("home/.ssh/deep/id_rsa", "key");
  WriteFile("home/.netrc", "password");
  WriteFile("project/twice", "ordinary");
  std::filesystem::create_hard_link(path("home/.ssh/deep/id_rsa"), path("project/notes"));
  std::filesystem::create_hard_link(path("home/.netrc"), path("project/rc"));
  std::filesystem::create_hard_link(path("project/twice"), path("project/again"));
  StartHiding({"~/.ssh", "~/.netrc"});
  EXPECT_EQ(Walked("project/notes"), ENOENT);
  EXPECT_EQ(Walked("project/rc"), ENOENT);
  EXPECT_EQ(List(WalkTo(root(), "project")->handle), (Names{"again", "twice"}));
}

TEST_F(GoferHidingTest, HardLinksToFilesThatAreHiddenAnywhereAreHidden) {
  WriteFile("project/a/b/.env", "TOKEN=1");
  WriteFile("project/c/.secrets/inner/key", "key");
  WriteFile("project/twice", "ordinary");
  std::filesystem::create_hard_link(path("project/a/b/.env"), path("project/copy"));
  std::filesystem::create_hard_link(path("project/c/.secrets/inner/key"), path("project/plain"));
  std::filesystem::create_hard_link(path("project/twice"), path("project/again"));
  StartHiding({"file:**/.env", "**/.secrets"});
  EXPECT_EQ(Walked("project/copy"), ENOENT);
  EXPECT_EQ(Walked("project/plain"), ENOENT);
  EXPECT_EQ(List(WalkTo(root(), "project")->handle), (Names{"a", "again", "c", "twice"}));
}

TEST_F(GoferHidingTest, HardLinksAreFoundByListingsToo) {
  WriteFile("project/deep/.env", "TOKEN=1");
  std::filesystem::create_hard_link(path("project/deep/.env"), path("project/copy"));
  StartHiding({"file:**/.env"});
  EXPECT_EQ(List(WalkTo(root(), "project")->handle), Names{"deep"});
}

TEST_F(GoferHidingTest, TargetsOfHiddenSymlinksAreHidden) {
  WriteFile("dotfiles/aws/credentials", "key");
  WriteFile("dotfiles/netrc", "password");
  MakeDirectories("home");
  MakeSymlink(path("dotfiles/aws"), "home/.aws");
  MakeSymlink(path("dotfiles/netrc"), "home/.netrc");
  StartHiding({"~/.aws", "~/.netrc"});
  EXPECT_EQ(Walked("home/.aws"), ENOENT);
  EXPECT_TRUE(List(WalkTo(root(), "dotfiles")->handle).empty());
}

TEST_F(GoferHidingTest, GlobsTiedToAPlaceAreCollected) {
  WriteFile("etc/ssh_host_rsa_key", "key");
  std::filesystem::create_hard_link(path("etc/ssh_host_rsa_key"), path("stolen"));
  StartHiding({path("etc") + "/ssh_host_*_key"});
  EXPECT_EQ(Walked("stolen"), ENOENT);
}

TEST_F(GoferHidingTest, HiddenNamesCannotBeMadeOrReplaced) {
  WriteFile("home/.netrc", "password");
  WriteFile("home/file", "x");
  StartHiding({"~/.netrc", "~/.ssh", "file:**/.env"});
  GoferHandle home = WalkTo(root(), "home")->handle;
  GoferOpenOptions write{.access = GoferAccess::kWrite};
  EXPECT_EQ(client().Create(home, ".netrc", 0600, write).error(), EACCES);
  EXPECT_EQ(client().Create(home, ".env", 0600, write).error(), EACCES);
  EXPECT_EQ(client().MakeDirectory(home, ".ssh", 0700).error(), EACCES);
  EXPECT_TRUE(client().MakeDirectory(home, ".env", 0700).ok());
  EXPECT_EQ(client().Unlink(home, ".netrc").error(), ENOENT);
  EXPECT_EQ(client().Rename(home, ".netrc", home, "visible", 0).error(), ENOENT);
  EXPECT_EQ(client().Rename(home, "file", home, ".netrc", 0).error(), EACCES);
  EXPECT_EQ(client().Rename(home, "file", home, ".netrc", RENAME_EXCHANGE).error(), EACCES);
  EXPECT_EQ(client().MakeLink(WalkTo(root(), "home/file")->handle, home, ".netrc").error(), EACCES);
  EXPECT_EQ(ReadFile("home/.netrc"), "password");
}

TEST_F(GoferHidingTest, NamesTakenByHiddenInodesCannotBeReplaced) {
  WriteFile("home/.netrc", "password");
  WriteFile("file", "x");
  std::filesystem::create_hard_link(path("home/.netrc"), path("other"));
  StartHiding({"~/.netrc"});
  GoferOpenOptions write{.access = GoferAccess::kWrite};
  EXPECT_EQ(client().Create(root(), "other", 0600, write).error(), EACCES);
  EXPECT_EQ(client().Rename(root(), "file", root(), "other", 0).error(), EACCES);
  EXPECT_EQ(client().Unlink(root(), "other").error(), ENOENT);
}

TEST_F(GoferHidingTest, TellsWhichNamesAreHidden) {
  WriteFile("home/.netrc", "password");
  WriteFile("file", "x");
  std::filesystem::create_hard_link(path("home/.netrc"), path("other"));
  StartHiding({"~/.netrc", "file:**/.env"});
  EXPECT_TRUE(*client().HidesName(root(), ".env", S_IFREG));
  EXPECT_FALSE(*client().HidesName(root(), ".env", S_IFDIR));
  EXPECT_TRUE(*client().HidesName(root(), "other", S_IFREG));
  EXPECT_FALSE(*client().HidesName(root(), "file", S_IFREG));
  EXPECT_FALSE(*client().HidesName(root(), "nothing", S_IFREG));
  EXPECT_EQ(client().HidesName(root(), "a/b", S_IFREG).error(), EINVAL);
}

TEST_F(GoferHidingTest, FolderThatTakesHiddenNamesShowsNone) {
  WriteFile(".env", "TOKEN=1");
  StartHiding({"file:**/.env", "**/.ssh"});
  GoferHandle keep = client().Attach(kTakesHiddenNames)->handle;
  GoferOpenOptions write{.access = GoferAccess::kWrite};
  EXPECT_EQ(WalkTo(keep, ".env").error(), ENOENT);
  EXPECT_EQ(client().Create(keep, ".env", 0600, write).error(), EACCES);
  Result<GoferNode> made = client().MakeDirectory(keep, ".ssh", 0700);
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(client().Create(made->handle, ".env", 0600, write).ok());
  EXPECT_EQ(WalkTo(keep, ".ssh").error(), ENOENT);
  EXPECT_EQ(ReadFile(".env"), "TOKEN=1");
}

TEST_F(GoferHidingTest, DirectoriesAboveHiddenNamesCannotBeRenamed) {
  WriteFile("home/.config/gcloud/key", "key");
  WriteFile("home/project/file", "x");
  StartHiding({"~/.config/gcloud"});
  GoferHandle home = WalkTo(root(), "home")->handle;
  EXPECT_EQ(client().Rename(home, ".config", home, "c", 0).error(), EXDEV);
  EXPECT_EQ(client().Rename(root(), "home", root(), "h", 0).error(), EXDEV);
  EXPECT_EQ(client().Rename(home, "project", home, ".config", RENAME_EXCHANGE).error(), EXDEV);
  EXPECT_TRUE(client().Rename(home, "project", home, "p", 0).ok());
}

TEST_F(GoferHidingTest, HiddenNamesFollowRenamedDirectories) {
  MakeDirectories("home/a/gcloud");
  StartHiding({"~/.config/gcloud"});
  GoferHandle home = WalkTo(root(), "home")->handle;
  GoferHandle a = WalkTo(root(), "home/a")->handle;
  EXPECT_EQ(Walked("home/a/gcloud"), 0);
  ASSERT_TRUE(client().Rename(home, "a", home, ".config", 0).ok());
  EXPECT_EQ(Walked("home/.config/gcloud"), ENOENT);
  EXPECT_TRUE(List(a).empty());
}

TEST_F(GoferHidingTest, SocketsAreHidden) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string name = path("service.sock");
  ASSERT_LT(name.size(), sizeof(address.sun_path));
  name.copy(address.sun_path, name.size());
  ASSERT_EQ(bind(fd, static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof(address)), 0);
  StartHiding({"socket:**"});
  EXPECT_EQ(Walked("service.sock"), ENOENT);
  EXPECT_TRUE(List(root()).empty());
  close(fd);
}

TEST_F(GoferHidingTest, HiddenRootIsNotAttached) {
  WriteFile("file", "x");
  StartUnattached({.hide = {path("")}, .homes = {}});
  EXPECT_EQ(client().Attach(kWritable).error(), ENOENT);
  EXPECT_EQ(client().Attach(17).error(), EINVAL);
}

TEST_F(GoferHidingTest, KernelFileSystemsAreHidden) {
  StartUnattached({.hide = {}, .homes = {}, .tree = "/"});
  Result<GoferNode> top = client().Attach(kReadOnly);
  ASSERT_TRUE(top.ok());
  for (const char* name : {"proc", "sys", "dev"}) {
    struct stat here, there;
    ASSERT_EQ(stat("/", &here), 0);
    if (stat((std::string("/") + name).c_str(), &there) == 0 && here.st_dev != there.st_dev) {
      EXPECT_EQ(WalkTo(top->handle, name).error(), ENOENT) << name;
    }
  }
  EXPECT_TRUE(WalkTo(top->handle, "etc/passwd").ok());
}

}  // namespace
}  // namespace ukrun::gofer
