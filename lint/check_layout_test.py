#!/usr/bin/python3
"""Each rule of check_layout.py finds a bad sample and passes a good one."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_layout  # noqa: E402
import source_tree  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
LAYERS = check_layout.read_layers(os.path.join(HERE, "layers.txt"))
HEADER = "// What it is.\n#pragma once\n"


def rules(path, text):
    return [rule for rule, _, _ in check_layout.check_file(path, text, LAYERS)]


class StripTest(unittest.TestCase):
    def test_comments_strings_and_characters_vanish(self):
        code = source_tree.strip_cxx('a /* throw\n */ "throw" \'"\' // throw\nR"x(throw)y" )x" b')
        self.assertNotIn("throw", code)
        self.assertEqual(code.count("\n"), 2)
        self.assertTrue(code.startswith("a") and code.endswith("b"))

    def test_digit_separators_are_no_characters(self):
        self.assertIn("throw", source_tree.strip_cxx("x = 1'000; throw 2'000;"))

    def test_includes_stay(self):
        self.assertIn('"base/x.h"', source_tree.strip_cxx('#include "base/x.h"  // why'))

    def test_an_escaped_quote_does_not_end_a_string(self):
        self.assertNotIn("throw", source_tree.strip_cxx(r'f("\" throw \\"); g();'))


class LengthTest(unittest.TestCase):
    def test_headers(self):
        self.assertEqual(rules("base/a.h", HEADER + "\n" * 247), [])
        self.assertEqual(rules("base/a.h", HEADER + "\n" * 248), ["length"])

    def test_other_files(self):
        self.assertEqual(rules("base/a.cc", "\n" * 800), [])
        self.assertEqual(rules("base/a.cc", "\n" * 801), ["length"])
        self.assertEqual(rules("dev.sh", "\n" * 801), ["length"])

    def test_tables_may_be_long(self):
        self.assertEqual(rules("sentry/syscalls/table.cc", "\n" * 2000), [])
        self.assertEqual(rules("table/a.cc", "\n" * 2000), ["length"])


class LayerTest(unittest.TestCase):
    def test_downwards_is_right_and_upwards_is_wrong(self):
        order = ["base", "abi", "loader", "sentry", "ukrun"]
        for i, lower in enumerate(order):
            for upper in order[i + 1:]:
                self.assertEqual(rules(f"{upper}/a.cc", f'#include "{lower}/b.h"\n'), [])
                self.assertEqual(rules(f"{lower}/a.cc", f'#include "{upper}/b.h"\n'), ["layer"])

    def test_platform_and_loader_do_not_know_each_other(self):
        self.assertEqual(rules("platform/a.cc", '#include "loader/b.h"\n'), ["layer"])
        self.assertEqual(rules("loader/a.cc", '#include "platform/b.h"\n'), ["layer"])

    def test_only_the_platforms_name_an_implementation(self):
        self.assertEqual(rules("sentry/a.cc", '#include "platform/platform.h"\n'), [])
        self.assertEqual(rules("sentry/a.cc", '#include "platform/ptrace/stub.h"\n'), ["layer"])
        self.assertEqual(rules("platform/a.cc", '#include "platform/ptrace/stub.h"\n'), [])

    def test_the_gofer_shares_the_protocol_only(self):
        self.assertEqual(rules("gofer/a.cc", '#include "ukrun/startup.h"\n'), [])
        self.assertEqual(rules("gofer/a.cc", '#include "ukrun/flags.h"\n'), ["layer"])
        self.assertEqual(rules("gofer/a.cc", '#include "sentry/kernel.h"\n'), ["layer"])
        self.assertEqual(rules("sentry/a.cc", '#include "gofer/client.h"\n'), [])
        self.assertEqual(rules("sentry/a.cc", '#include "gofer/tree.h"\n'), ["layer"])
        self.assertEqual(rules("gofer/client.cc", '#include "gofer/tree.h"\n'), ["layer"])

    def test_libraries_are_not_looked_at(self):
        self.assertEqual(rules("ukrun/a.cc", '#include "absl/status/status.h"\n'), [])

    def test_a_commented_include_is_none(self):
        self.assertEqual(rules("base/a.cc", '// #include "sentry/kernel.h"\n'), [])


class UnsafeTest(unittest.TestCase):
    BAD = ("HostCall(SYS_read);", "auto r = RawHostCall (1);", "syscall(1);", "::syscall(1);",
           'asm volatile("nop");', "__asm__(x);", "ptrace(1);", "x = PTRACE_CONT;",
           "reinterpret_cast<int*>(p);")

    def test_found_where_it_is_not_allowed(self):
        for text in self.BAD:
            for folder in ("base", "sentry/mm", "gofer", "ukrun"):
                self.assertEqual(set(rules(f"{folder}/a.cc", text)), {"unsafe"}, text)
                self.assertEqual(rules(f"{folder}/a_unsafe.cc", text), [], text)
                self.assertEqual(rules(f"{folder}/a_stub.cc", text), [], text)
                self.assertEqual(rules(f"{folder}/a_test.cc", text), [], text)

    def test_other_programs_may(self):
        for text in self.BAD:
            self.assertEqual(rules("compat-tests/a.cc", text), [], text)

    def test_what_only_looks_like_it(self):
        for text in ("// asm", 'Log("ptrace(1)");', "dispatcher.syscall(1);", "int SYS_read_count;",
                     "int masm = 1;", "constexpr int kCalls[] = {SYS_read};",
                     "#include <asm/prctl.h>"):
            self.assertEqual(rules("sentry/a.cc", text), [], text)


class BannedTest(unittest.TestCase):
    BAD = ("pthread_mutex_t m;", "std::thread t;", "std::mutex m;", "std::recursive_mutex m;",
           "std::lock_guard g(m);", "absl::Mutex m;", "thread_local int x;", "__thread int x;",
           "std::call_once(f);", "std::shared_ptr<int> p;", "auto p = std::make_shared<int>(1);",
           "dynamic_cast<A*>(b);", "typeid(x);", "throw 1;", "try {", "} catch (...) {",
           'printf("x");', 'std::snprintf(b, 1, "x");', "std::cout << 1;", "std::ostringstream s;",
           "#include <thread>", "#include <mutex>", "#  include <iostream>",
           "#include <pthread.h>")

    def test_found_in_kernel_code_only(self):
        for text in self.BAD:
            for path in ("base/a.cc", "loader/a.h", "sentry/fs/a.cc", "gofer/client_a.cc"):
                found = set(rules(path, (HEADER if path.endswith(".h") else "") + text))
                self.assertEqual(found, {"banned"}, (path, text))
            for path in ("base/a_hosted.cc", "base/a_test.cc", "loader/fuzz/a.cc", "gofer/a.cc",
                         "ukrun/a.cc", "loader/testing_a.cc"):
                self.assertEqual(rules(path, text), [], (path, text))

    def test_what_only_looks_like_it(self):
        for text in ("// throw", "std::__throw_bad_alloc();", "retry {", "TRY(x);", "entry();",
                     "#include <memory>", "int thread_locality;", "struct Mutex {};"):
            self.assertEqual(rules("base/a.cc", text), [], text)


class HeaderTest(unittest.TestCase):
    def test_comment_and_pragma(self):
        self.assertEqual(rules("base/a.h", HEADER), [])
        self.assertEqual(rules("base/a.h", "#pragma once\n// What it is.\n"), ["header"])
        self.assertEqual(rules("base/a.h", "// What it is.\n"), ["header"])


class UnfinishedTest(unittest.TestCase):
    def test_markers(self):
        self.assertEqual(rules("base/a.cc", "// TODO: more\n"), ["unfinished"])
        self.assertEqual(rules("a.py", "# FIXME\n"), ["unfinished"])
        self.assertEqual(rules("base/a.cc", 'f("/tmp/a-XXXXXX");\n'), [])


class TreeTest(unittest.TestCase):
    def test_exceptions_count_and_must_be_needed(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "base"))
            for name in ("a.cc", "b.cc"):
                with open(os.path.join(root, "base", name), "w", encoding="utf-8") as file:
                    file.write("int x;\nptrace(0);\n")
            problems = check_layout.check(
                root, LAYERS, {("unsafe", "base/a.cc"): 3, ("length", "base/a.cc"): 4}, "list")
            self.assertEqual(problems, [
                "base/b.cc:2: [unsafe] ptrace outside _unsafe.cc and _stub files: ptrace(",
                "list:4: [length] nothing in base/a.cc needs this",
            ])

    def test_an_exception_needs_a_reason(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("unsafe base/a.cc\n")
            file.flush()
            with self.assertRaises(ValueError):
                check_layout.read_exceptions(file.name)


if __name__ == "__main__":
    unittest.main()
