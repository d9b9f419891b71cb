"""What several test files share: problem lists, small networks, tolerances, subprocesses."""
