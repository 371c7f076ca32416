"""The command line: python -m sslcourse.mark."""

from sslcourse.mark import main

if __name__ == "__main__":
    main()
