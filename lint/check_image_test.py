#!/usr/bin/python3
"""Each thing that check_image.py looks for is found in a small image that has it, and a
clean image passes. The images are assembled by gcc."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_image  # noqa: E402

CLEAN = """
    .text
    .globl _start
    .type _start, @function
_start:
    lea value(%rip), %rax
    mov (%rax), %rdi
    ret
    .size _start, . - _start
    .globl Routine
    .type Routine, @function
Routine:
    syscall
    ret
    .size Routine, . - Routine
    .data
value:
    .quad _start            # a relative relocation
    .section .note.GNU-stack, "", @progbits
"""
LIST = ["syscall Routine 1 It is the routine."]


class ImageTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def check(self, extra, lines=None, flags=("-static-pie",), source=CLEAN):
        """The problems of CLEAN with `extra` in its text."""
        path = os.path.join(self.folder.name, "image")
        with open(path + ".S", "w", encoding="utf-8") as file:
            file.write(source + "\n.text\n" + extra + "\n")
        subprocess.run(["gcc", "-nostdlib", "-nostartfiles", *flags, "-Wl,-z,separate-code",
                        "-Wl,--build-id=none", path + ".S", "-o", path], check=True)
        allowances = [check_image.Allowance(f"list:{number}", line)
                      for number, line in enumerate(LIST if lines is None else lines, 1)]
        return check_image.check(path, allowances)

    def assert_one(self, problems, start):
        self.assertEqual(len(problems), 1, problems)
        self.assertTrue(problems[0].startswith(start), problems)

    def test_a_clean_image_passes(self):
        self.assertEqual(self.check(""), [])

    def test_a_second_syscall_is_found(self):
        self.assert_one(self.check("Other: .type Other, @function\n syscall\n ret\n"),
                        "[syscall] Other")
        self.assert_one(self.check("Routine2: syscall\n", LIST + ["syscall Routine* 0 None."]),
                        "list:2: [syscall] Routine*: 1 found, 0 listed")

    def test_a_missing_one_is_found(self):
        self.assert_one(self.check("", ["syscall Routine 2 Two."]),
                        "list:1: [syscall] Routine: 1 found, 2 listed")
        self.assertEqual(self.check("", ["syscall Routine <=2 At most."]), [])

    def test_each_instruction_is_found(self):
        for kind, text in (("sysenter", "sysenter"), ("int80", "int $0x80"), ("wrpkru", "wrpkru"),
                           ("xrstor", "xrstor (%rax)"), ("xrstor", "xrstor64 (%rax)"),
                           ("xrstor", "xrstor 8(%r8)"), ("xrstor", "xrstors (%rax)"),
                           ("avx", "vzeroupper"), ("avx", "vmovdqu (%rax), %xmm0"),
                           ("avx", "vpaddd %zmm1, %zmm2, %zmm3"), ("avx", "kmovw %eax, %k1"),
                           ("syscall", "rex.w syscall"), ("bad", ".byte 0x06")):
            with self.subTest(text):
                problems = self.check(f"Bad: .type Bad, @function\n {text}\n ret\n")
                self.assert_one(problems, f"[{kind}] Bad")

    def test_harmless_instructions_pass(self):
        text = "int $3\n xsave (%rax)\n mfence\n lfence\n verr %ax\n movaps %xmm0, %xmm1\n rdpkru\n"
        self.assertEqual(self.check(text), [])

    def test_hidden_bytes_are_found(self):
        for kind, text in (("syscall", "mov $0x050f, %eax"), ("sysenter", "mov $0x340f, %eax"),
                           ("int80", "mov $0x80cd, %eax"), ("wrpkru", "mov $0xef010f, %eax"),
                           ("xrstor", "mov $0x28ae0f, %eax"), ("xrstor", "mov $0xafae0f, %eax")):
            with self.subTest(text):
                problems = self.check(f"Host: .type Host, @function\n {text}\n ret\n")
                self.assert_one(problems, f"[hidden-{kind}] Host at ")

    def test_hidden_bytes_across_instructions_are_found(self):
        # The last byte of the one and the first of the other.
        problems = self.check("Host: mov $0x0f000000, %eax\n add $0x90909090, %eax\n")
        self.assert_one(problems, "[hidden-syscall] Host")

    def test_register_forms_are_not_xrstor(self):
        self.assertEqual(self.check("mov $0xe8ae0f, %eax\n"), [])  # lfence's bytes

    def test_hidden_bytes_can_be_listed(self):
        lines = LIST + ["hidden-syscall * <=1 By chance."]
        self.assertEqual(self.check("mov $0x050f, %eax\n", lines), [])
        self.assert_one(self.check("mov $0x050f, %eax\n mov $0x050f, %eax\n", lines), "list:2:")

    def test_data_is_not_code(self):
        self.assertEqual(self.check(".section .rodata\n.byte 0x0f, 0x05\n"), [])

    def test_an_ifunc_is_found(self):
        problems = self.check(".type Chosen, @gnu_indirect_function\n.globl Chosen\nChosen: ret\n"
                              ".data\n.quad Chosen\n")
        kinds = {problem.split()[0] for problem in problems}
        self.assertEqual(kinds, {"[ifunc]", "[relocation]"}, problems)

    def test_forbidden_symbols_are_found(self):
        for name in ("pthread_create", "__libc_start_main", "mmap", "snprintf", "__cxa_throw",
                     "_Unwind_Resume", "__tls_get_addr", "_ZNSt6thread4joinEv"):
            with self.subTest(name):
                self.assert_one(self.check(f".globl {name}\n{name}: ret\n"), f"[forbidden] {name}")

    def test_an_undefined_symbol_is_found(self):
        # ld refuses one in a static PIE, or resolves it to 0; a shared object keeps it.
        problems = self.check("call Nowhere@PLT\n", flags=("-shared",))
        self.assertTrue(any(p.startswith("[undefined] Nowhere") for p in problems), problems)

    def test_thread_local_data_is_found(self):
        problems = self.check('.section .tbss, "awT", @nobits\nmine: .zero 8\n')
        self.assert_one(problems, "[image] thread-local-data")

    def test_an_ordinary_program_is_none(self):
        self.assert_one(self.check("", flags=("-static", "-no-pie")),
                        "[image] not-position-independent")
        problems = self.check("", flags=("-pie", "-Wl,--no-as-needed", "-lc"))
        self.assertTrue(any("interpreter" in p for p in problems), problems)
        self.assertTrue(any("needed-library" in p for p in problems), problems)

    def test_writable_code_and_an_executable_stack_are_found(self):
        self.assertTrue(any(p.startswith("[image] writable-code") for p in self.check(
            "", flags=("-static-pie", "-Wl,--omagic"))))
        self.assert_one(self.check("", flags=("-static-pie", "-Wl,-z,execstack")),
                        "[image] executable-stack")

    def test_a_stripped_image_cannot_be_judged(self):
        problems = self.check("", flags=("-static-pie", "-s"))
        self.assertTrue(any(p.startswith("[image] without-symbols") for p in problems), problems)

    def test_the_list_needs_counts_and_reasons(self):
        for line in ("syscall Routine 1", "syscall Routine many Because.", "syscall"):
            with self.assertRaises(ValueError):
                check_image.Allowance("list:1", line)

    def test_the_projects_own_list_can_be_read(self):
        here = os.path.dirname(os.path.abspath(__file__))
        listed = check_image.read_allowlist(os.path.join(here, "image_allowlist.txt"))
        self.assertGreaterEqual(len(listed), 1)


if __name__ == "__main__":
    unittest.main()
